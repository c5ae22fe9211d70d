// async_pair: two engines, a and b, over a link of configurable latency in each direction, for messages and for credits.
//
// Latency:    submission to receipt: `latency` + 4 + BEATS cycles; to completion: the same, then `latency` + 4.
// Throughput: one word a cycle each way.
// Resources:  two async_engine, four async_link; as it stands, bench/rtl-synth.sh finds 1 067 LUT4, 803 flip-flops, 20 RAMs, 72 MHz in an iCE40 HX8K.
// Parameters: those of async_engine; MAX_LATENCY, a power of two above the greatest `latency`.
`default_nettype none

module async_pair #(
    parameter int DATA_W = 32,
    parameter int BEATS = 4,
    parameter int DEPTH = 64,
    parameter int MAX_LATENCY = 256,
    localparam int LATENCY_W = $clog2(MAX_LATENCY),
    localparam int CREDIT_W = $clog2(DEPTH) + 1
) (
    input  wire logic                 clk,
    input  wire logic                 rst,
    // Cycles each way, from 1; held still after reset.
    input  wire logic [LATENCY_W-1:0] latency,
    // Messages each side may have on the way, taken at reset.
    input  wire logic [ CREDIT_W-1:0] credits,
    input  wire logic [ CREDIT_W-1:0] irq_count,
    input  wire logic [         15:0] irq_cycles,

    input  wire logic              a_sub_valid,
    output logic                   a_sub_ready,
    input  wire logic [DATA_W-1:0] a_sub_data,
    input  wire logic              a_doorbell,
    output logic                   a_rcv_valid,
    input  wire logic              a_rcv_ready,
    output logic      [DATA_W-1:0] a_rcv_data,
    output logic                   a_rcv_last,
    output logic                   a_cpl_valid,
    input  wire logic              a_cpl_ready,
    input  wire logic              a_irq_ack,
    output logic                   a_irq,

    input  wire logic              b_sub_valid,
    output logic                   b_sub_ready,
    input  wire logic [DATA_W-1:0] b_sub_data,
    input  wire logic              b_doorbell,
    output logic                   b_rcv_valid,
    input  wire logic              b_rcv_ready,
    output logic      [DATA_W-1:0] b_rcv_data,
    output logic                   b_rcv_last,
    output logic                   b_cpl_valid,
    input  wire logic              b_cpl_ready,
    input  wire logic              b_irq_ack,
    output logic                   b_irq,

    // Bit 0: a word came to a without a place; bit 1: to b. Never, and the tests ask.
    output logic [1:0] overflow
);
  logic [1:0] sub_valid, sub_ready, doorbell, tx_valid, rx_valid, rcv_valid, rcv_ready, rcv_last, cpl_valid, cpl_ready, irq_ack, irq;
  logic [2*DATA_W-1:0] sub_data, tx_data, rx_data, rcv_data;
  logic [3:0] credit_out;
  logic [1:0] credit_in;

  assign sub_valid = {b_sub_valid, a_sub_valid};
  assign sub_data = {b_sub_data, a_sub_data};
  assign doorbell = {b_doorbell, a_doorbell};
  assign rcv_ready = {b_rcv_ready, a_rcv_ready};
  assign cpl_ready = {b_cpl_ready, a_cpl_ready};
  assign irq_ack = {b_irq_ack, a_irq_ack};
  assign {b_sub_ready, a_sub_ready} = sub_ready;
  assign {b_rcv_valid, a_rcv_valid} = rcv_valid;
  assign {b_rcv_data, a_rcv_data} = rcv_data;
  assign {b_rcv_last, a_rcv_last} = rcv_last;
  assign {b_cpl_valid, a_cpl_valid} = cpl_valid;
  assign {b_irq, a_irq} = irq;

  // With one way only, destinations, sources and ends of messages need not travel, and say nothing new.
  // verilator lint_off PINCONNECTEMPTY
  for (genvar n = 0; n < 2; n++) begin : g_side
    localparam int FAR = 1 - n;

    async_engine #(
        .DATA_W(DATA_W),
        .BEATS (BEATS),
        .DEPTH (DEPTH),
        .NODES (2)
    ) engine (
        .clk,
        .rst,
        .credits,
        .sub_valid(sub_valid[n]),
        .sub_ready(sub_ready[n]),
        .sub_data(sub_data[n*DATA_W+:DATA_W]),
        .sub_dest(1'(FAR)),
        .doorbell(doorbell[n]),
        .tx_valid(tx_valid[n]),
        .tx_ready(1'b1),
        .tx_first(),
        .tx_last(),
        .tx_dest(),
        .tx_data(tx_data[n*DATA_W+:DATA_W]),
        .rx_valid(rx_valid[n]),
        .rx_src(1'(FAR)),
        .rx_data(rx_data[n*DATA_W+:DATA_W]),
        .credit_out(credit_out[n*2+:2]),
        .credit_in({credit_in[n] && FAR == 1, credit_in[n] && FAR == 0}),
        .rcv_valid(rcv_valid[n]),
        .rcv_ready(rcv_ready[n]),
        .rcv_data(rcv_data[n*DATA_W+:DATA_W]),
        .rcv_src(),
        .rcv_last(rcv_last[n]),
        .cpl_valid(cpl_valid[n]),
        .cpl_ready(cpl_ready[n]),
        .cpl_dest(),
        .irq_count,
        .irq_cycles,
        .irq_ack(irq_ack[n]),
        .irq(irq[n]),
        .overflow(overflow[n])
    );

    async_link #(
        .W  (DATA_W),
        .MAX(MAX_LATENCY)
    ) message_link (
        .clk,
        .rst,
        .latency,
        .in_valid(tx_valid[n]),
        .in_data(tx_data[n*DATA_W+:DATA_W]),
        .out_valid(rx_valid[FAR]),
        .out_data(rx_data[FAR*DATA_W+:DATA_W])
    );

    async_link #(
        .W  (1),
        .MAX(MAX_LATENCY)
    ) credit_link (
        .clk,
        .rst,
        .latency,
        .in_valid(|credit_out[n*2+:2]),
        .in_data(1'b0),
        .out_valid(credit_in[FAR]),
        .out_data()
    );
  end
  // verilator lint_on PINCONNECTEMPTY
endmodule
