// Counts the cycles in which it is enabled. Latency 1 cycle, one count a cycle, W flip-flops.
// Parameters: W, width of the count, 1 or more.
`default_nettype none
module counter #(
  parameter int W = 32
) (
  input  wire logic         clk,
  input  wire logic         rst,
  input  wire logic         enable,
  output      logic [W-1:0] count
);
  always_ff @(posedge clk) begin
    if (rst) count <= '0;
    else if (enable) count <= count + 1'b1;
  end
endmodule
`default_nettype wire
