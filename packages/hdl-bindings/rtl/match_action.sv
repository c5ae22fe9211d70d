// match_action: the action for a key, by exact match or by the longest prefix; hits are counted.
//
// An entry is a key, how many of its bits count from the highest (KEY_W: all, an exact match; 0: every key) and an action. Of those that match, the
// one with most bits wins, and of equal ones the lowest slot. All entries are compared at once, as in a ternary CAM made of registers.
//
// Lookup:  s_data is a key; with s_skip it matches nothing, as something else has decided it. m_hit whether an entry matched, m_slot which, m_action its
//          action (0 without a match).
// Control: one beat installs an entry into c_slot (its counter begins at 0) or, without c_install, removes it. c_prefix above KEY_W counts as KEY_W.
//          Counters are read at any time: q_count is what q_slot had the cycle before. They wrap.
//
// While traffic runs: a change takes effect between two keys. Keys taken before it see the table as it was, all later ones as it is; a change waits
// until the key before it is decided, and holds keys back meanwhile (1 or 2 cycles).
//
// Latency:    key to action 2 cycles.
// Throughput: one key a cycle; less 1 or 2 cycles for each change.
// Resources:  ENTRIES * (2 * KEY_W + ACTION_W + COUNT_W + 8) flip-flops and ENTRIES comparators of KEY_W bits. yosys synth_ice40: 9 594 LUT4, 482 carries, 10 834 flip-flops, 1 RAM;
//             with ENTRIES 16 and KEY_W 32: 1 771 LUT4, 1 726 flip-flops, 1 RAM, 28 MHz in an iCE40 HX8K by nextpnr: the knock-out is the longest path.
//
// Parameters: ENTRIES (power of 2, 2 to 1024), KEY_W (8 to 128), ACTION_W (1 to 32), COUNT_W (8 to 64).
`default_nettype none

module match_action #(
    parameter int ENTRIES = 64,
    parameter int KEY_W = 64,
    parameter int ACTION_W = 16,
    parameter int COUNT_W = 32,
    localparam int SLOT_W = $clog2(ENTRIES),
    localparam int PREFIX_W = $clog2(KEY_W + 1)
) (
    input  wire logic                clk,
    input  wire logic                rst,

    input  wire logic                s_valid,
    output logic                     s_ready,
    input  wire logic [KEY_W-1:0]    s_data,
    input  wire logic                s_skip,

    output logic                     m_valid,
    input  wire logic                m_ready,
    output logic                     m_hit,
    output logic [SLOT_W-1:0]        m_slot,
    output logic [ACTION_W-1:0]      m_action,

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
    generate
        if (ENTRIES < 2 || ENTRIES > 1024 || (1 << SLOT_W) != ENTRIES) $error("ENTRIES must be a power of 2 from 2 to 1024");
        if (KEY_W < 8 || KEY_W > 128) $error("KEY_W must be 8 to 128");
        if (ACTION_W < 1 || ACTION_W > 32) $error("ACTION_W must be 1 to 32");
        if (COUNT_W < 8 || COUNT_W > 64) $error("COUNT_W must be 8 to 64");
    endgenerate

    logic [ENTRIES-1:0] live;
    logic [KEY_W-1:0] keys[0:ENTRIES-1];
    logic [KEY_W-1:0] masks[0:ENTRIES-1];
    logic [PREFIX_W-1:0] prefixes[0:ENTRIES-1];
    logic [ACTION_W-1:0] actions[0:ENTRIES-1];
    logic [COUNT_W-1:0] counts[0:ENTRIES-1];

    // First stage: which entries match. Second stage: the best of them.
    logic held;
    logic [ENTRIES-1:0] match, match_next;
    wire logic m_free = !m_valid || m_ready;
    wire logic advance = !held || m_free;
    assign c_ready = !held;
    assign s_ready = advance && !c_valid;

    always_comb
        for (int at = 0; at < ENTRIES; at++) match_next[at] = !s_skip && live[at] && ((s_data ^ keys[at]) & masks[at]) == '0;

    // A knock-out: the entries play at ENTRIES to 2 * ENTRIES - 1, the winner of 2n and 2n + 1 goes on to n. On a draw the lower slot, 2n, does.
    logic [2*ENTRIES-1:0] hits;
    logic [2*ENTRIES*SLOT_W-1:0] slots;
    logic [2*ENTRIES*PREFIX_W-1:0] lengths;
    always_comb begin
        hits = {match, {ENTRIES{1'b0}}};
        slots = '0;
        lengths = '0;
        for (int at = 0; at < ENTRIES; at++) begin
            slots[(ENTRIES+at)*SLOT_W+:SLOT_W] = SLOT_W'(at);
            lengths[(ENTRIES+at)*PREFIX_W+:PREFIX_W] = prefixes[at];
        end
        for (int at = ENTRIES - 1; at > 0; at--) begin
            hits[at] = hits[2*at] || hits[2*at+1];
            if (hits[2*at+1] && (!hits[2*at] || lengths[(2*at+1)*PREFIX_W+:PREFIX_W] > lengths[(2*at)*PREFIX_W+:PREFIX_W])) begin
                slots[at*SLOT_W+:SLOT_W] = slots[(2*at+1)*SLOT_W+:SLOT_W];
                lengths[at*PREFIX_W+:PREFIX_W] = lengths[(2*at+1)*PREFIX_W+:PREFIX_W];
            end else begin
                slots[at*SLOT_W+:SLOT_W] = slots[(2*at)*SLOT_W+:SLOT_W];
                lengths[at*PREFIX_W+:PREFIX_W] = lengths[(2*at)*PREFIX_W+:PREFIX_W];
            end
        end
    end
    wire logic best_hit = hits[1];
    wire logic [SLOT_W-1:0] best_slot = slots[SLOT_W+:SLOT_W];

    always_ff @(posedge clk)
        if (rst) begin
            held <= 1'b0;
            m_valid <= 1'b0;
        end else begin
            if (advance) begin
                held <= s_valid && s_ready;
                match <= match_next;
            end
            if (m_free) begin
                m_valid <= held;
                m_hit <= best_hit;
                m_slot <= best_hit ? best_slot : '0;
                m_action <= best_hit ? actions[best_slot] : '0;
            end
        end

    wire logic [PREFIX_W-1:0] prefix = c_prefix > PREFIX_W'(KEY_W) ? PREFIX_W'(KEY_W) : c_prefix;
    wire logic change = c_valid && c_ready;
    wire logic install = change && c_install;
    always_ff @(posedge clk)
        if (rst) live <= '0;
        else if (change) live[c_slot] <= c_install;
    always_ff @(posedge clk)
        if (install) begin
            keys[c_slot] <= c_key;
            masks[c_slot] <= ~({KEY_W{1'b1}} >> prefix);
            prefixes[c_slot] <= prefix;
            actions[c_slot] <= c_action;
        end
    always_ff @(posedge clk) begin
        if (install) counts[c_slot] <= '0;
        else if (held && m_free && best_hit) counts[best_slot] <= counts[best_slot] + 1'b1;
        q_count <= counts[q_slot];
    end
endmodule

`default_nettype wire
