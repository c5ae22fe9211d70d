// async_ring: a ring of words in a synchronous memory, with the head already read, and with words that stay unseen until they are published.
//
// Latency:    a word published in the cycle of its push is at the head two cycles later.
// Throughput: one push and one pop a cycle.
// Resources:  WORDS × W bits of memory (one write port, one read port), 4 pointers of log2(WORDS) + 1 bits; as it stands, bench/rtl-synth.sh finds 86 LUT4, 102 flip-flops,
//             2 RAMs, 101 MHz in an iCE40 HX8K.
// Parameters: W bits a word; WORDS, a power of two from 2.
`default_nettype none

module async_ring #(
    parameter int W = 32,
    parameter int WORDS = 256
) (
    input  wire logic         clk,
    input  wire logic         rst,
    // A push while `ready` is low is lost; the engine never makes one.
    input  wire logic         push,
    input  wire logic [W-1:0] push_data,
    // The words pushed so far, with this cycle's, may be read.
    input  wire logic         publish,
    output logic              ready,
    // A pop while `head_valid` is low is ignored.
    input  wire logic         pop,
    output logic              head_valid,
    output logic      [W-1:0] head_data
);
  localparam int AW = $clog2(WORDS);

  if (WORDS < 2 || (1 << AW) != WORDS) $error("async_ring: WORDS must be a power of two from 2");

  logic [W-1:0] memory[WORDS];
  logic [AW:0] written, shown, read, read_next;
  logic pushes, pops;

  assign ready = (written - read) != (AW + 1)'(WORDS);
  assign pushes = push && ready;
  assign pops = pop && head_valid;
  assign read_next = read + (AW + 1)'(pops);

  always_ff @(posedge clk) begin
    if (pushes) memory[written[AW-1:0]] <= push_data;
    head_data <= memory[read_next[AW-1:0]];
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      written <= '0;
      shown <= '0;
      read <= '0;
      head_valid <= 1'b0;
    end else begin
      written <= written + (AW + 1)'(pushes);
      if (publish) shown <= written + (AW + 1)'(pushes);
      read <= read_next;
      // `shown` before this cycle: what it covers is in the memory since the last edge, so that no bypass is needed.
      head_valid <= read_next != shown;
    end
  end
endmodule
