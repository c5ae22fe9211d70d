// exact_match: the action for a key among many thousands, in block RAM: WAYS tables of ROWS rows, and a key in one of its WAYS rows.
//
// Hash:    row bit n of way w is the parity of the key where `seed` from bit w * ROW_W + n on has ones: Toeplitz matrices, so that two keys share a row
//          of a way with a chance of 1 / ROWS by a random seed, whoever chose the keys. The seed must not change but before a clear, or at reset.
// Lookup:  s_data is a key; it comes out as m_data with m_hit, m_way and m_action (0 without a match).
// Control: c_op on c_key in its row of c_way; d_valid for one cycle when done, d_bad when refused: nothing was changed then.
//          0 look:    refused unless the row has this key.
//          1 install: refused when the row has another key: the host, which can hash too, moves that one first. This key gets c_action; its hits stay.
//          2 remove:  refused unless the row has this key.
//          3 clear:   empties all rows, as the reset does.
//          d_count is the hits of this key's entry (0 where it was not there). They wrap. Where two ways have a key, the lower one is hit.
//
// While traffic runs: a change takes effect between two keys: it waits until the keys before it are decided, and holds keys back meanwhile. To move an
// entry, install it in its other row, then remove it: no key between the two misses it. A clear or reset holds keys back for ROWS cycles.
//
// Latency:    key to action 3 cycles (hash, read, compare), whatever the keys; control to d_valid 3 cycles after the keys before it.
// Throughput: one key a cycle; less 3 to 6 cycles for each change.
// Resources:  WAYS * ROWS * (KEY_W + ACTION_W + 1 + COUNT_W) bits of memory, each with one read and one write port; WAYS * ROW_W parities and WAYS comparators of KEY_W bits: 2.9 Mbit
//             as it stands, which an iCE40 has not. With ROWS 256, WAYS 2, KEY_W 32, COUNT_W 16 bench/rtl-synth.sh finds 744 LUT4, 387 flip-flops, 10 RAMs,
//             74 MHz in an iCE40 HX8K.
//
// Parameters: ROWS (power of 2, 16 to 65536), WAYS (2, 4 or 8), KEY_W (8 to 128), ACTION_W (1 to 32), COUNT_W (8 to 64).
`default_nettype none

module exact_match #(
    parameter int ROWS = 4096,
    parameter int WAYS = 4,
    parameter int KEY_W = 128,
    parameter int ACTION_W = 16,
    parameter int COUNT_W = 32,
    localparam int ROW_W = $clog2(ROWS),
    localparam int WAY_W = $clog2(WAYS),
    localparam int SEED_W = KEY_W + WAYS * ROW_W - 1
) (
    input  wire logic                clk,
    input  wire logic                rst,
    input  wire logic [SEED_W-1:0]   seed,

    input  wire logic                s_valid,
    output logic                     s_ready,
    input  wire logic [KEY_W-1:0]    s_data,

    output logic                     m_valid,
    input  wire logic                m_ready,
    output logic [KEY_W-1:0]         m_data,
    output logic                     m_hit,
    output logic [WAY_W-1:0]         m_way,
    output logic [ACTION_W-1:0]      m_action,

    input  wire logic                c_valid,
    output logic                     c_ready,
    input  wire logic [1:0]          c_op,
    input  wire logic [WAY_W-1:0]    c_way,
    input  wire logic [KEY_W-1:0]    c_key,
    input  wire logic [ACTION_W-1:0] c_action,

    output logic                     d_valid,
    output logic                     d_bad,
    output logic [COUNT_W-1:0]       d_count,

    // Keys were taken that have not come out.
    output logic                     busy
);
    generate
        if (ROWS < 16 || ROWS > 65536 || (1 << ROW_W) != ROWS) $error("ROWS must be a power of 2 from 16 to 65536");
        if (WAYS != 2 && WAYS != 4 && WAYS != 8) $error("WAYS must be 2, 4 or 8");
        if (KEY_W < 8 || KEY_W > 128) $error("KEY_W must be 8 to 128");
        if (ACTION_W < 1 || ACTION_W > 32) $error("ACTION_W must be 1 to 32");
        if (COUNT_W < 8 || COUNT_W > 64) $error("COUNT_W must be 8 to 64");
    endgenerate

    localparam logic [1:0] INSTALL = 2'd1;
    localparam logic [1:0] REMOVE = 2'd2;
    localparam logic [1:0] CLEAR = 2'd3;
    localparam int ENTRY_W = 1 + KEY_W + ACTION_W; // live, key, action

    typedef enum logic [1:0] {SWEEP, KEYS, READ, ACT} phase_t;
    phase_t phase;
    logic told; // a clear was asked for, so that its end is told
    logic [ROW_W-1:0] sweep_row;
    logic [1:0] op;
    logic [WAY_W-1:0] op_way;
    logic [ACTION_W-1:0] op_action;

    // ---- Keys, and the control's key between them: hashed (h), read (r), compared (m).
    logic h_valid, r_valid;
    logic [KEY_W-1:0] h_key, r_key;
    logic [WAYS*ROW_W-1:0] h_rows, r_rows;
    wire logic m_free = !m_valid || m_ready;
    wire logic r_free = !r_valid || m_free;
    wire logic h_free = !h_valid || r_free;
    assign s_ready = phase == KEYS && h_free && !c_valid;
    assign c_ready = phase == KEYS && !h_valid && !r_valid;
    assign busy = h_valid || r_valid || m_valid;
    wire logic take = c_valid && c_ready;

    wire logic [KEY_W-1:0] key = c_valid ? c_key : s_data;
    logic [WAYS*ROW_W-1:0] hash;
    always_comb for (int at = 0; at < WAYS * ROW_W; at++) hash[at] = ^(key & seed[at+:KEY_W]);

    always_ff @(posedge clk) begin
        if (rst) begin
            h_valid <= 1'b0;
            r_valid <= 1'b0;
        end else begin
            if (h_free) h_valid <= s_valid && s_ready;
            if (r_free) r_valid <= h_valid;
        end
        if (h_free && phase == KEYS) begin
            h_key <= key;
            h_rows <= hash;
        end
        if (r_free) begin
            r_key <= h_key;
            r_rows <= h_rows;
        end
    end

    // ---- Memory: one table a way.
    wire logic [WAYS-1:0] lives, hits;
    wire logic [WAYS*ACTION_W-1:0] actions;
    wire logic here = lives[op_way]; // the control's row has an entry,
    wire logic same = hits[op_way]; // and it has this key
    wire logic bad = op == INSTALL ? here && !same : !same;
    wire logic write = phase == ACT && !bad && (op == INSTALL || op == REMOVE);
    wire logic sweeping = phase == SWEEP;
    generate
        for (genvar way = 0; way < WAYS; way++) begin : g_way
            logic [ENTRY_W-1:0] mem[0:ROWS-1];
            logic [ENTRY_W-1:0] entry;
            wire logic [ROW_W-1:0] row = sweeping ? sweep_row : r_rows[way*ROW_W+:ROW_W];
            always_ff @(posedge clk) if (r_free) entry <= mem[h_rows[way*ROW_W+:ROW_W]];
            always_ff @(posedge clk)
                if (sweeping || (write && op_way == WAY_W'(way))) mem[row] <= sweeping ? '0 : {op == INSTALL, r_key, op_action};
            assign lives[way] = entry[ENTRY_W-1];
            assign hits[way] = entry[ENTRY_W-1] && entry[ACTION_W+:KEY_W] == r_key;
            assign actions[way*ACTION_W+:ACTION_W] = entry[ACTION_W-1:0];
        end
    endgenerate

    logic [WAY_W-1:0] hit_way;
    always_comb begin
        hit_way = '0;
        for (int way = WAYS - 1; way >= 0; way--) if (hits[way]) hit_way = WAY_W'(way);
    end
    wire logic hit = |hits;
    always_ff @(posedge clk)
        if (rst) m_valid <= 1'b0;
        else if (m_free) begin
            m_valid <= r_valid;
            m_data <= r_key;
            m_hit <= hit;
            m_way <= hit ? hit_way : '0;
            m_action <= hit ? actions[hit_way*ACTION_W+:ACTION_W] : '0;
        end

    // ---- Hits: read when a key is decided, written one more the cycle after. What was written last is not in the memory yet for the key behind it.
    logic [COUNT_W-1:0] counts[0:WAYS*ROWS-1];
    logic [COUNT_W-1:0] count, last_count;
    logic bump, repeated;
    logic [WAY_W+ROW_W-1:0] bump_at;
    wire logic counted = r_valid && m_free && hit;
    wire logic [WAY_W+ROW_W-1:0] hit_at = {hit_way, r_rows[hit_way*ROW_W+:ROW_W]};
    wire logic [WAY_W+ROW_W-1:0] op_at = {op_way, h_rows[op_way*ROW_W+:ROW_W]};
    wire logic [COUNT_W-1:0] more = (repeated ? last_count : count) + 1'b1;
    wire logic fresh = write && op == INSTALL && !here;
    always_ff @(posedge clk) count <= counts[phase == READ ? op_at : hit_at];
    always_ff @(posedge clk) if (bump || fresh) counts[bump_at] <= fresh ? '0 : more;
    always_ff @(posedge clk) begin
        bump <= counted && !rst;
        repeated <= bump && bump_at == hit_at;
        bump_at <= phase == READ ? op_at : hit_at;
        last_count <= more;
    end

    // ---- Control.
    always_ff @(posedge clk) begin
        d_valid <= 1'b0;
        d_bad <= bad && phase == ACT;
        d_count <= same && phase == ACT ? count : '0;
        if (rst) begin
            phase <= SWEEP;
            told <= 1'b0;
            sweep_row <= '0;
        end else
            case (phase)
                SWEEP: begin
                    sweep_row <= sweep_row + 1'b1;
                    if (&sweep_row) begin
                        phase <= KEYS;
                        d_valid <= told;
                    end
                end
                KEYS:
                if (take) begin
                    op <= c_op;
                    op_way <= c_way;
                    op_action <= c_action;
                    told <= 1'b1;
                    phase <= c_op == CLEAR ? SWEEP : READ;
                end
                READ: phase <= ACT;
                default: begin
                    d_valid <= 1'b1;
                    phase <= KEYS;
                end
            endcase
    end
endmodule

`default_nettype wire
