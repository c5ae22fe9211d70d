// Adds two numbers of 64 bits. Combinational: no clock.
`default_nettype none
module adder64 (
  input  wire logic [63:0] a,
  input  wire logic [63:0] b,
  output      logic [63:0] sum,
  output      logic        carry
);
  always_comb {carry, sum} = 65'(a) + 65'(b);
endmodule
`default_nettype wire
