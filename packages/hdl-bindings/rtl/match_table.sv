// match_table: the action for a key among many thousands of exact entries (exact_match) and some dozens of prefixes (match_action); hits are counted.
//
// A key goes through the exact table first and then, unless it was found there, through the prefixes: an exact entry is longer than any of them, and a
// prefix that did not decide is not counted.
//
// Lookup:  s_data is a key. m_hit whether an entry matched, m_exact that it was an exact one, else m_slot which prefix, m_action its action (0 without a
//          match).
// Control: e_* and d_* are c_* and d_* of exact_match, c_* and q_* those of match_action; seed is exact_match's.
//
// While traffic runs: a change of either takes effect between two keys; it waits until those before it are decided, and holds keys back meanwhile.
//
// Latency:    key to action 5 cycles, whatever the keys and however many entries; 3 in the exact table, 2 in the prefixes.
// Throughput: one key a cycle; less 3 to 8 cycles for each change.
// Resources:  those of the two, and two results. With ROWS 256, WAYS 2, PREFIXES 8, KEY_W 32, COUNT_W 16 bench/rtl-synth.sh finds 1 541 LUT4, 1 178
//             flip-flops, 11 RAMs, 44 MHz in an iCE40 HX8K.
//
// Parameters: ROWS, WAYS of exact_match, PREFIXES (ENTRIES of match_action), KEY_W (8 to 128), ACTION_W (1 to 32), COUNT_W (8 to 64).
`default_nettype none

module match_table #(
    parameter int ROWS = 4096,
    parameter int WAYS = 4,
    parameter int PREFIXES = 64,
    parameter int KEY_W = 128,
    parameter int ACTION_W = 16,
    parameter int COUNT_W = 32,
    localparam int WAY_W = $clog2(WAYS),
    localparam int SLOT_W = $clog2(PREFIXES),
    localparam int PREFIX_W = $clog2(KEY_W + 1),
    localparam int SEED_W = KEY_W + WAYS * $clog2(ROWS) - 1
) (
    input  wire logic                clk,
    input  wire logic                rst,
    input  wire logic [SEED_W-1:0]   seed,

    input  wire logic                s_valid,
    output logic                     s_ready,
    input  wire logic [KEY_W-1:0]    s_data,

    output logic                     m_valid,
    input  wire logic                m_ready,
    output logic                     m_hit,
    output logic                     m_exact,
    output logic [SLOT_W-1:0]        m_slot,
    output logic [ACTION_W-1:0]      m_action,

    // Exact entries.
    input  wire logic                e_valid,
    output logic                     e_ready,
    input  wire logic [1:0]          e_op,
    input  wire logic [WAY_W-1:0]    e_way,
    input  wire logic [KEY_W-1:0]    e_key,
    input  wire logic [ACTION_W-1:0] e_action,
    output logic                     d_valid,
    output logic                     d_bad,
    output logic [COUNT_W-1:0]       d_count,

    // Prefixes.
    input  wire logic                c_valid,
    output logic                     c_ready,
    input  wire logic                c_install,
    input  wire logic [SLOT_W-1:0]   c_slot,
    input  wire logic [KEY_W-1:0]    c_key,
    input  wire logic [PREFIX_W-1:0] c_prefix,
    input  wire logic [ACTION_W-1:0] c_action,
    input  wire logic [SLOT_W-1:0]   q_slot,
    output logic [COUNT_W-1:0]       q_count
);
    logic exact_ready, exact_busy, x_valid, x_ready, x_hit;
    logic [KEY_W-1:0] x_data;
    logic [ACTION_W-1:0] x_action;
    logic prefix_ready, prefix_hit;
    logic [ACTION_W-1:0] prefix_action;

    // A change of the prefixes waits for keys that were taken before it and are still on their way to them.
    wire logic s_held = c_valid;
    assign s_ready = exact_ready && !s_held;
    assign c_ready = prefix_ready && !exact_busy;

    // Which way is of use to who changes entries only, and that one knows.
    // verilator lint_off PINCONNECTEMPTY
    exact_match #(
        .ROWS(ROWS),
        .WAYS(WAYS),
        .KEY_W(KEY_W),
        .ACTION_W(ACTION_W),
        .COUNT_W(COUNT_W)
    ) exact_table (
        .clk,
        .rst,
        .seed,
        .s_valid(s_valid && !s_held),
        .s_ready(exact_ready),
        .s_data,
        .m_valid(x_valid),
        .m_ready(x_ready),
        .m_data(x_data),
        .m_hit(x_hit),
        .m_way(),
        .m_action(x_action),
        .c_valid(e_valid),
        .c_ready(e_ready),
        .c_op(e_op),
        .c_way(e_way),
        .c_key(e_key),
        .c_action(e_action),
        .d_valid,
        .d_bad,
        .d_count,
        .busy(exact_busy)
    );
    // verilator lint_on PINCONNECTEMPTY

    match_action #(
        .ENTRIES(PREFIXES),
        .KEY_W(KEY_W),
        .ACTION_W(ACTION_W),
        .COUNT_W(COUNT_W)
    ) prefix_table (
        .clk,
        .rst,
        .s_valid(x_valid),
        .s_ready(x_ready),
        .s_data(x_data),
        .s_skip(x_hit),
        .m_valid,
        .m_ready,
        .m_hit(prefix_hit),
        .m_slot,
        .m_action(prefix_action),
        .c_valid(c_valid && !exact_busy),
        .c_ready(prefix_ready),
        .c_install,
        .c_slot,
        .c_key,
        .c_prefix,
        .c_action,
        .q_slot,
        .q_count
    );

    // What the exact table said of the keys that are among the prefixes: those hold two at most, and put them out in order.
    logic [1:0] hits;
    logic [2*ACTION_W-1:0] actions;
    logic in, out;
    wire logic enter = x_valid && x_ready;
    wire logic leave = m_valid && m_ready;
    always_ff @(posedge clk)
        if (rst) begin
            in <= 1'b0;
            out <= 1'b0;
        end else begin
            in <= in ^ enter;
            out <= out ^ leave;
        end
    always_ff @(posedge clk)
        if (enter) begin
            hits[in] <= x_hit;
            actions[in*ACTION_W+:ACTION_W] <= x_action;
        end
    assign m_exact = hits[out];
    assign m_hit = m_exact || prefix_hit;
    assign m_action = m_exact ? actions[out*ACTION_W+:ACTION_W] : prefix_action;
endmodule

`default_nettype wire
