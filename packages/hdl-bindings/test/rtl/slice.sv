// A register slice of a stream: two places, so that ready need not follow from ready. Latency 1 cycle, one beat a cycle.
`default_nettype none
module slice (
  input  wire logic        clk,
  input  wire logic        rst,
  input  wire logic        s_valid,
  output      logic        s_ready,
  input  wire logic [39:0] s_data,
  input  wire logic [4:0]  s_keep,
  input  wire logic        s_last,
  output      logic        m_valid,
  input  wire logic        m_ready,
  output      logic [39:0] m_data,
  output      logic [4:0]  m_keep,
  output      logic        m_last
);
  logic        spare_valid;
  logic [45:0] spare;

  assign s_ready = !spare_valid;

  always_ff @(posedge clk) begin
    if (s_valid && s_ready) begin
      if (m_valid && !m_ready) begin
        spare <= {s_data, s_keep, s_last};
        spare_valid <= 1'b1;
      end else begin
        {m_data, m_keep, m_last} <= {s_data, s_keep, s_last};
        m_valid <= 1'b1;
      end
    end else if (m_ready) begin
      {m_data, m_keep, m_last} <= spare;
      m_valid <= spare_valid;
      spare_valid <= 1'b0;
    end
    if (rst) begin
      m_valid <= 1'b0;
      spare_valid <= 1'b0;
    end
  end
endmodule
`default_nettype wire
