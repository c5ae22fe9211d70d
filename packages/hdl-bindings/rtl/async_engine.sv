// async_engine: sends and receives whole messages beside its host, which never waits for one.
//
// A message is BEATS words of DATA_W bits. The host writes messages into the submission ring, word by word with the destination beside the first one, and
// rings the doorbell: all whole messages written so far are then sent in order. The receiver's host takes messages out of the receive ring; when it has taken
// a message's last word a credit goes back to its sender, and this is the sender's completion.
//
// Why nothing overflows: a message leaves only with a credit, which is a free place in the receive ring kept for this sender, and with a free place in the
// completion ring reserved for it. So the link needs no back-pressure after the arbiter.
//
// Interrupt: `irq` rises when at least `irq_count` events (messages received, completions) came since the last acknowledgement, or `irq_cycles` after the
// first of them; `irq_ack` lowers it and forgets the events so far. A count of 0 is taken as 1; cycles of 0 mean no timer.
//
// Latency:    first word submitted with its doorbell to first word on `tx`: 2 cycles; last word on `rx` to first word at `rcv`: 2 cycles; credit to `cpl`: 2 cycles.
// Throughput: one word a cycle in each direction: BEATS cycles a message while credits last.
// Head of line: a message without a credit holds those behind it, whatever their destination.
// Resources:  two rings of DEPTH × BEATS words, NODES × 2 counters; as it stands, bench/rtl-synth.sh finds 402 LUT4, 285 flip-flops, 6 RAMs, 80 MHz in an iCE40 HX8K.
// Parameters: DATA_W 1 to 128; BEATS a power of two from 2; DEPTH messages a ring, a power of two; NODES on the link, from 2; credits a peer are at most DEPTH / (NODES - 1).
`default_nettype none

module async_engine #(
    parameter int DATA_W = 32,
    parameter int BEATS = 4,
    parameter int DEPTH = 64,
    parameter int NODES = 2,
    localparam int NODE_W = $clog2(NODES),
    localparam int CREDIT_W = $clog2(DEPTH) + 1
) (
    input  wire logic                clk,
    input  wire logic                rst,
    // Credits for each peer, taken at reset; more than DEPTH / (NODES - 1) would overflow the peers' rings and is cut to it.
    input  wire logic [CREDIT_W-1:0] credits,

    // Submission ring and doorbell.
    input  wire logic                sub_valid,
    output logic                     sub_ready,
    input  wire logic [  DATA_W-1:0] sub_data,
    input  wire logic [  NODE_W-1:0] sub_dest,
    input  wire logic                doorbell,

    // To the link.
    output logic                tx_valid,
    input  wire logic           tx_ready,
    output logic                tx_first,
    output logic                tx_last,
    output logic [  NODE_W-1:0] tx_dest,
    output logic [  DATA_W-1:0] tx_data,

    // From the link; always taken.
    input  wire logic              rx_valid,
    input  wire logic [NODE_W-1:0] rx_src,
    input  wire logic [DATA_W-1:0] rx_data,

    // Credits, one wire a peer.
    output logic      [NODES-1:0] credit_out,
    input  wire logic [NODES-1:0] credit_in,

    // Receive ring.
    output logic                rcv_valid,
    input  wire logic           rcv_ready,
    output logic [  DATA_W-1:0] rcv_data,
    output logic [  NODE_W-1:0] rcv_src,
    output logic                rcv_last,

    // Completion ring: the destination whose oldest outstanding message was taken.
    output logic                cpl_valid,
    input  wire logic           cpl_ready,
    output logic [  NODE_W-1:0] cpl_dest,

    // Interrupt coalescing.
    input  wire logic [CREDIT_W-1:0] irq_count,
    input  wire logic [        15:0] irq_cycles,
    input  wire logic                irq_ack,
    output logic                     irq,

    // A word came for which no place was kept: a peer broke the credits. Stays until reset.
    output logic overflow
);
  localparam int BEAT_W = $clog2(BEATS);
  localparam int WORDS = DEPTH * BEATS;
  localparam int MOST = DEPTH / (NODES - 1);
  // Events that are pending: at most 4 × DEPTH are told apart.
  localparam int EVENT_W = CREDIT_W + 2;

  if (DATA_W < 1 || DATA_W > 128) $error("async_engine: DATA_W must be 1 to 128");
  if (BEATS < 2 || (1 << BEAT_W) != BEATS) $error("async_engine: BEATS must be a power of two from 2");
  if (DEPTH < 1 || (1 << $clog2(DEPTH)) != DEPTH) $error("async_engine: DEPTH must be a power of two");
  if (NODES < 2 || MOST < 1) $error("async_engine: NODES must be from 2 and at most DEPTH + 1");

  // Submission: whole messages are published, those that are written when the doorbell rings.
  logic [BEAT_W-1:0] sub_beat;
  logic sub_take, sub_end, rung, head_valid, tx_take;
  logic [DATA_W+NODE_W-1:0] head;

  assign sub_take = sub_valid && sub_ready;
  assign sub_end  = sub_take && sub_beat == BEAT_W'(BEATS - 1);

  always_ff @(posedge clk) begin
    if (rst) begin
      sub_beat <= '0;
      rung <= 1'b0;
    end else begin
      sub_beat <= sub_beat + BEAT_W'(sub_take);
      // A doorbell in the middle of a message counts when the message is whole: only at its end may the ring publish.
      rung <= (rung || doorbell) && !(sub_end || (sub_beat == '0 && !sub_take));
    end
  end

  async_ring #(
      .W(DATA_W + NODE_W),
      .WORDS(WORDS)
  ) submission (
      .clk,
      .rst,
      .push(sub_valid),
      .push_data({sub_dest, sub_data}),
      .publish((doorbell || rung) && (sub_end || (sub_beat == '0 && !sub_take))),
      .ready(sub_ready),
      .pop(tx_take),
      .head_valid,
      .head_data(head)
  );

  // Transmission.
  logic [CREDIT_W-1:0] left[NODES];
  logic [CREDIT_W-1:0] reserved, start;
  logic [BEAT_W-1:0] tx_beat;
  logic [NODE_W-1:0] dest_q;
  logic starts, cpl_take;

  // With DEPTH 1 no value of `credits` is above MOST.
  // verilator lint_off CMPCONST
  assign start = credits > CREDIT_W'(MOST) ? CREDIT_W'(MOST) : credits;
  // verilator lint_on CMPCONST
  assign tx_first = tx_beat == '0;
  assign tx_last = tx_beat == BEAT_W'(BEATS - 1);
  // Only the first word's destination counts.
  assign tx_dest = tx_first ? head[DATA_W+:NODE_W] : dest_q;
  assign tx_data = head[DATA_W-1:0];
  assign tx_valid = head_valid && (!tx_first || (left[tx_dest] != '0 && reserved != CREDIT_W'(DEPTH)));
  assign tx_take = tx_valid && tx_ready;
  assign starts = tx_take && tx_first;

  always_ff @(posedge clk) begin
    if (rst) begin
      tx_beat <= '0;
      dest_q <= '0;
      reserved <= '0;
    end else begin
      tx_beat <= tx_beat + BEAT_W'(tx_take);
      dest_q <= tx_dest;
      reserved <= reserved + CREDIT_W'(starts) - CREDIT_W'(cpl_take);
    end
  end

  // Credits left, and completions not yet in the output register, by peer.
  logic [CREDIT_W-1:0] due[NODES];
  logic [NODES-1:0] has_due, taken;
  logic [NODE_W-1:0] turn, pick;
  logic found, cpl_free;

  for (genvar n = 0; n < NODES; n++) begin : g_peer
    always_ff @(posedge clk) begin
      if (rst) begin
        left[n] <= start;
        due[n]  <= '0;
      end else begin
        left[n] <= left[n] + CREDIT_W'(credit_in[n]) - CREDIT_W'(starts && tx_dest == NODE_W'(n));
        due[n]  <= due[n] + CREDIT_W'(credit_in[n]) - CREDIT_W'(taken[n]);
      end
    end
    assign has_due[n] = due[n] != '0;
    assign taken[n] = found && cpl_free && pick == NODE_W'(n);
  end

  // The first peer with a completion from `turn` on, round.
  always_comb begin
    found = |has_due;
    pick  = '0;
    for (int n = NODES - 1; n >= 0; n--) if (has_due[n]) pick = NODE_W'(n);
    for (int n = NODES - 1; n >= 0; n--) if (has_due[n] && NODE_W'(n) >= turn) pick = NODE_W'(n);
  end

  // The completion ring is `due` with one register in front: a completion is no more than its peer's number, so counting them keeps them all.
  assign cpl_free = !cpl_valid || cpl_ready;
  assign cpl_take = cpl_valid && cpl_ready;
  always_ff @(posedge clk) begin
    if (rst) begin
      cpl_valid <= 1'b0;
      cpl_dest <= '0;
      turn <= '0;
    end else if (cpl_free) begin
      cpl_valid <= found;
      if (found) begin
        cpl_dest <= pick;
        turn <= pick == NODE_W'(NODES - 1) ? '0 : pick + NODE_W'(1);
      end
    end
  end

  // Reception: published whole, so that a host that began to read a message never waits within it.
  logic [BEAT_W-1:0] rx_beat, rcv_beat;
  logic rx_room, rx_end, rcv_take, rcv_end;
  logic [DATA_W+NODE_W-1:0] taken_word;

  assign rx_end = rx_valid && rx_beat == BEAT_W'(BEATS - 1);
  assign rcv_take = rcv_valid && rcv_ready;
  assign rcv_last = rcv_beat == BEAT_W'(BEATS - 1);
  assign rcv_end = rcv_take && rcv_last;
  assign rcv_src = taken_word[DATA_W+:NODE_W];
  assign rcv_data = taken_word[DATA_W-1:0];

  async_ring #(
      .W(DATA_W + NODE_W),
      .WORDS(WORDS)
  ) reception (
      .clk,
      .rst,
      .push(rx_valid),
      .push_data({rx_src, rx_data}),
      .publish(rx_end),
      .ready(rx_room),
      .pop(rcv_ready),
      .head_valid(rcv_valid),
      .head_data(taken_word)
  );

  always_ff @(posedge clk) begin
    if (rst) begin
      rx_beat <= '0;
      rcv_beat <= '0;
      credit_out <= '0;
      overflow <= 1'b0;
    end else begin
      rx_beat <= rx_beat + BEAT_W'(rx_valid);
      rcv_beat <= rcv_beat + BEAT_W'(rcv_take);
      credit_out <= rcv_end ? NODES'(1) << rcv_src : '0;
      overflow <= overflow || (rx_valid && !rx_room);
    end
  end

  // Interrupt.
  logic [EVENT_W-1:0] events, events_next;
  logic [15:0] waited;
  logic new_event, enough, late;

  assign new_event = rx_end || (cpl_free && found);
  assign events_next = (irq_ack ? '0 : events) + EVENT_W'(rx_end) + EVENT_W'(cpl_free && found);
  assign enough = events_next != '0 && events_next >= EVENT_W'(irq_count);
  assign late = irq_cycles != '0 && events_next != '0 && waited >= irq_cycles;

  always_ff @(posedge clk) begin
    if (rst) begin
      events <= '0;
      waited <= '0;
      irq <= 1'b0;
    end else begin
      events <= events_next[EVENT_W-1] ? {1'b1, {(EVENT_W - 1) {1'b0}}} : events_next;
      if (irq_ack || (events == '0 && !new_event)) waited <= '0;
      else if (!(&waited)) waited <= waited + 16'd1;
      irq <= enough || late || (irq && !irq_ack);
    end
  end
endmodule
