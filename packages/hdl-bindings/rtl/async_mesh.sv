// async_mesh: NODES engines over a crossbar, then links of configurable latency; what Hash Distributed A* runs on.
//
// The crossbar gives each output to one input at a time, round robin, for a whole message; only there a sender may wait, since credits keep a place for all
// that is on a link. Credits have a wire for each pair of nodes, of the same latency.
//
// Ports are vectors: node n has bit n, or word n, least first.
//
// Latency:    submission to receipt: `latency` + 4 + BEATS cycles when nobody else sends to the same node.
// Throughput: one word a cycle out of and into each node.
// Resources:  NODES × (async_engine, two async_link, an arbiter and a multiplexer of NODES inputs); as it stands, bench/rtl-synth.sh finds 3 179 LUT4, 1 861 flip-flops,
//             40 RAMs, 8 more than an iCE40 HX8K has.
// Parameters: those of async_engine; MAX_LATENCY, a power of two above the greatest `latency`.
`default_nettype none

module async_mesh #(
    parameter int DATA_W = 32,
    parameter int BEATS = 4,
    parameter int DEPTH = 64,
    parameter int NODES = 4,
    parameter int MAX_LATENCY = 256,
    localparam int LATENCY_W = $clog2(MAX_LATENCY),
    localparam int CREDIT_W = $clog2(DEPTH) + 1,
    localparam int NODE_W = $clog2(NODES)
) (
    input  wire logic                    clk,
    input  wire logic                    rst,
    input  wire logic [   LATENCY_W-1:0] latency,
    input  wire logic [    CREDIT_W-1:0] credits,
    input  wire logic [    CREDIT_W-1:0] irq_count,
    input  wire logic [            15:0] irq_cycles,
    input  wire logic [       NODES-1:0] sub_valid,
    output logic      [       NODES-1:0] sub_ready,
    input  wire logic [NODES*DATA_W-1:0] sub_data,
    input  wire logic [NODES*NODE_W-1:0] sub_dest,
    input  wire logic [       NODES-1:0] doorbell,
    output logic      [       NODES-1:0] rcv_valid,
    input  wire logic [       NODES-1:0] rcv_ready,
    output logic      [NODES*DATA_W-1:0] rcv_data,
    output logic      [NODES*NODE_W-1:0] rcv_src,
    output logic      [       NODES-1:0] rcv_last,
    output logic      [       NODES-1:0] cpl_valid,
    input  wire logic [       NODES-1:0] cpl_ready,
    output logic      [NODES*NODE_W-1:0] cpl_dest,
    input  wire logic [       NODES-1:0] irq_ack,
    output logic      [       NODES-1:0] irq,
    output logic      [       NODES-1:0] overflow
);
  logic [NODES-1:0] tx_valid, tx_ready, tx_first, tx_last, rx_valid, out_valid;
  logic [NODES*NODE_W-1:0] tx_dest, rx_src, out_src;
  logic [NODES*DATA_W-1:0] tx_data, rx_data, out_data;
  logic [NODES*NODES-1:0] credit_out, credit_far, credit_in, granted;

  for (genvar n = 0; n < NODES; n++) begin : g_node
    async_engine #(
        .DATA_W(DATA_W),
        .BEATS (BEATS),
        .DEPTH (DEPTH),
        .NODES (NODES)
    ) engine (
        .clk,
        .rst,
        .credits,
        .sub_valid(sub_valid[n]),
        .sub_ready(sub_ready[n]),
        .sub_data(sub_data[n*DATA_W+:DATA_W]),
        .sub_dest(sub_dest[n*NODE_W+:NODE_W]),
        .doorbell(doorbell[n]),
        .tx_valid(tx_valid[n]),
        .tx_ready(tx_ready[n]),
        .tx_first(tx_first[n]),
        .tx_last(tx_last[n]),
        .tx_dest(tx_dest[n*NODE_W+:NODE_W]),
        .tx_data(tx_data[n*DATA_W+:DATA_W]),
        .rx_valid(rx_valid[n]),
        .rx_src(rx_src[n*NODE_W+:NODE_W]),
        .rx_data(rx_data[n*DATA_W+:DATA_W]),
        .credit_out(credit_out[n*NODES+:NODES]),
        .credit_in(credit_in[n*NODES+:NODES]),
        .rcv_valid(rcv_valid[n]),
        .rcv_ready(rcv_ready[n]),
        .rcv_data(rcv_data[n*DATA_W+:DATA_W]),
        .rcv_src(rcv_src[n*NODE_W+:NODE_W]),
        .rcv_last(rcv_last[n]),
        .cpl_valid(cpl_valid[n]),
        .cpl_ready(cpl_ready[n]),
        .cpl_dest(cpl_dest[n*NODE_W+:NODE_W]),
        .irq_count,
        .irq_cycles,
        .irq_ack(irq_ack[n]),
        .irq(irq[n]),
        .overflow(overflow[n])
    );

    // The arbiter of output n: whoever has it keeps it to the last word, then the next one in turn.
    logic [NODES-1:0] asks;
    logic [NODE_W-1:0] turn, holder, pick;
    logic held;

    for (genvar m = 0; m < NODES; m++) begin : g_input
      assign asks[m] = tx_valid[m] && tx_dest[m*NODE_W+:NODE_W] == NODE_W'(n) && (tx_first[m] || (held && holder == NODE_W'(m)));
      assign granted[m*NODES+n] = asks[m] && pick == NODE_W'(m);
      assign credit_in[n*NODES+m] = credit_far[m*NODES+n];
    end

    always_comb begin
      pick = '0;
      for (int m = NODES - 1; m >= 0; m--) if (asks[m]) pick = NODE_W'(m);
      for (int m = NODES - 1; m >= 0; m--) if (asks[m] && NODE_W'(m) >= turn) pick = NODE_W'(m);
      if (held) pick = holder;
    end

    assign tx_ready[n] = |granted[n*NODES+:NODES];
    assign out_valid[n] = asks[pick];
    assign out_src[n*NODE_W+:NODE_W] = pick;
    assign out_data[n*DATA_W+:DATA_W] = tx_data[pick*DATA_W+:DATA_W];

    always_ff @(posedge clk) begin
      if (rst) begin
        held <= 1'b0;
        holder <= '0;
        turn <= '0;
      end else if (out_valid[n]) begin
        held <= !tx_last[pick];
        holder <= pick;
        if (tx_last[pick]) turn <= pick == NODE_W'(NODES - 1) ? '0 : pick + NODE_W'(1);
      end
    end

    async_link #(
        .W  (DATA_W + NODE_W),
        .MAX(MAX_LATENCY)
    ) message_link (
        .clk,
        .rst,
        .latency,
        .in_valid(out_valid[n]),
        .in_data({out_src[n*NODE_W+:NODE_W], out_data[n*DATA_W+:DATA_W]}),
        .out_valid(rx_valid[n]),
        .out_data({rx_src[n*NODE_W+:NODE_W], rx_data[n*DATA_W+:DATA_W]})
    );

    // credit_out is all zero when there is none, so that no valid bit is needed beside it.
    logic credit_valid;
    logic [NODES-1:0] credit_word;
    async_link #(
        .W  (NODES),
        .MAX(MAX_LATENCY)
    ) credit_link (
        .clk,
        .rst,
        .latency,
        .in_valid(|credit_out[n*NODES+:NODES]),
        .in_data(credit_out[n*NODES+:NODES]),
        .out_valid(credit_valid),
        .out_data(credit_word)
    );
    assign credit_far[n*NODES+:NODES] = credit_valid ? credit_word : '0;
  end
endmodule
