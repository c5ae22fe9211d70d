// Looks at its clock in every way there is: falling edge, gated, as data. For the test that such a model gets both evaluations.
`default_nettype none
module both_edges (
  input  wire logic       clk,
  input  wire logic       rst,
  input  wire logic       enable,
  output      logic [7:0] rising,
  output      logic [7:0] falling,
  output      logic [7:0] gated,
  output      logic       level
);
  logic gate;
  assign gate = clk & enable;
  assign level = clk;
  always_ff @(posedge clk) rising <= rst ? '0 : rising + 1'b1;
  always_ff @(negedge clk) begin
    if (rst) falling <= '0;
    else falling <= falling + 1'b1;
    if (falling == 8'd200) $fatal(1, "two hundred");
  end
  always_ff @(posedge gate) gated <= gated + 1'b1;
endmodule
`default_nettype wire
