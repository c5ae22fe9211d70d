// async_link: a wire that takes `latency` cycles, 1 to MAX; a delay line in memory, so that a long wire costs no more simulation time than a short one.
//
// Latency:    `latency` cycles, read at reset and to be held still after; 0 counts as 1.
// Throughput: one word a cycle, no back-pressure.
// Resources:  MAX × W bits of memory, two pointers of log2(MAX) bits; as it stands, bench/rtl-synth.sh finds 124 LUT4, 94 flip-flops, 3 RAMs, 146 MHz in an iCE40 HX8K.
// Parameters: W bits a word; MAX, a power of two from 4.
`default_nettype none

module async_link #(
    parameter int W = 32,
    parameter int MAX = 256
) (
    input  wire logic                   clk,
    input  wire logic                   rst,
    input  wire logic [$clog2(MAX)-1:0] latency,
    input  wire logic                   in_valid,
    input  wire logic [          W-1:0] in_data,
    output logic                        out_valid,
    output logic      [          W-1:0] out_data
);
  localparam int AW = $clog2(MAX);

  if (MAX < 4 || (1 << AW) != MAX) $error("async_link: MAX must be a power of two from 4");

  logic [W:0] memory[MAX];
  logic [AW-1:0] at, age, behind;
  logic direct;
  logic [W:0] read;
  logic was_direct, was_filled, direct_valid;
  logic [W-1:0] direct_data;

  assign direct = latency <= AW'(1);
  assign behind = latency - AW'(1);

  always_ff @(posedge clk) begin
    memory[at] <= {in_valid, in_data};
    read <= memory[at-behind];
    direct_data <= in_data;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      at <= '0;
      age <= '0;
      was_direct <= 1'b0;
      was_filled <= 1'b0;
      direct_valid <= 1'b0;
    end else begin
      at <= at + AW'(1);
      // What stood in the memory before the reset is not on the wire.
      if (age != behind) age <= age + AW'(1);
      was_filled <= age == behind;
      was_direct <= direct;
      direct_valid <= in_valid;
    end
  end

  assign out_valid = was_direct ? direct_valid : was_filled && read[W];
  assign out_data = was_direct ? direct_data : read[W-1:0];
endmodule
