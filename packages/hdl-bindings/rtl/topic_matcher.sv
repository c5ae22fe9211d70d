// topic_matcher: which MQTT topic filters match a topic, exactly. [MQTT 5.0 §4.7, §4.8.2]
// One file past 300 lines, as its four stages share the wires that empty a slot in all of them at once.
//
// Level strings are numbers here: the host's dictionary gives every level of an installed filter an id from 1, and 0 to a level of a topic that is in
// no filter. Every filter has a slot, a bit in each row of the memories. The row for (position, id) tells all filters that accept this level there;
// each level of a topic is ANDed onto the filters still alive. An id is cut into chunks, with one memory for each, so that rows are few: a filter
// accepts a level if all of its chunks do. So there is no hashing, no false match, and no set of filters or topic that makes it slower.
//
// Topic:   s_data is the id of one level, s_last marks the topic's last; s_dollar, with the first level, that the topic begins with `$`.
//          Topics may have any number of levels; filters at most LEVELS, `#` not counted.
// Result:  m_data is the entry that was installed with a filter, m_shared that it is a shared group's; slots come in rising order. m_last ends the
//          topic. m_none: this beat carries no entry (no match, or the rest was removed meanwhile); only a topic's last beat can be so.
// Control: c_install with one beat for each level of the filter (c_kind 0: c_data, 1: `+`, 2: `#`) up to c_last, all with the same c_slot, c_entry,
//          c_shared; or without c_install one beat that removes c_slot. d_valid for one cycle when done; d_bad: refused, the slot is empty then
//          (too many levels, id 0, or `#` before the end).
//
// While traffic runs: a topic sees a filter from its first level on or not at all. Topics whose first level is taken after d_valid of an install see
// it, those before c_last do not. From the cycle after a removal (or the last beat of an install into a slot in use) is taken, nothing of the slot is
// put out but a beat that is at m_* already. An install waits while m_ready blocks the end of a
//             topic; a removal waits for nothing but the install before it.
//
// Latency:    last level to first entry 4 cycles.
// Throughput: one level a cycle and one entry a cycle, at the same time: a topic of n levels with k matches takes max(n, k, 1) cycles. No worst case
//             beyond that. Install: 2 * 16 * 2^CHUNK_W + levels + 4 cycles (about 530), remove: 2.
// Resources:  memory bits FILTERS * ((LEVELS + 2) * 2^CHUNK_W * ID_W / CHUNK_W + LEVELS + 1 + ENTRY_W + 1): 4.3 Mbit as it stands, each with one read and
//             one read-or-write port, 8 bits a write. 40 LUT4 and 24 flip-flops a filter: yosys synth_ice40 with LEVELS 6
//             gives 5 742 LUT4, 3 382 flip-flops, 66 RAMs for 128 filters, 10 859, 6 444, 130 for 256 (iCE40's RAMs have one read port, so that rows are
//             there twice; an HX8K has 32). For 4096 that is some 164 000 LUT4 and 98 000 flip-flops: yosys was ended after 8 minutes
//             of CPU time and 3.5 GB. What fits an HX8K is a toy: 128 filters with LEVELS 2, ID_W 6, CHUNK_W 6, ENTRY_W 8 are 3 094 LUT4, 1 533 flip-flops,
//             17 RAMs, 38 MHz (bench/rtl-synth.sh).
//
// Parameters: FILTERS (power of 2, 128 to 65536), LEVELS (2, 6, 14 or 30), ID_W (multiple of CHUNK_W), CHUNK_W (2 to 8), ENTRY_W (1 to 32).
`default_nettype none

module topic_matcher #(
    parameter int FILTERS = 4096,
    parameter int LEVELS = 14,
    parameter int ID_W = 16,
    parameter int CHUNK_W = 4,
    parameter int ENTRY_W = 16,
    localparam int SLOT_W = $clog2(FILTERS)
) (
    input  wire logic               clk,
    input  wire logic               rst,

    input  wire logic               s_valid,
    output logic                    s_ready,
    input  wire logic [ID_W-1:0]    s_data,
    input  wire logic               s_dollar,
    input  wire logic               s_last,

    output logic                    m_valid,
    input  wire logic               m_ready,
    output logic [ENTRY_W-1:0]      m_data,
    output logic                    m_shared,
    output logic                    m_none,
    output logic                    m_last,

    input  wire logic               c_valid,
    output logic                    c_ready,
    input  wire logic               c_install,
    input  wire logic [SLOT_W-1:0]  c_slot,
    input  wire logic [1:0]         c_kind,
    input  wire logic [ID_W-1:0]    c_data,
    input  wire logic [ENTRY_W-1:0] c_entry,
    input  wire logic               c_shared,
    input  wire logic               c_last,

    output logic                    d_valid,
    output logic                    d_bad,
    output logic [SLOT_W:0]         installed
);
    localparam int POSITION_W = $clog2(LEVELS + 2);
    localparam int CHUNKS = ID_W / CHUNK_W;
    localparam int ROW_W = POSITION_W + CHUNK_W;
    localparam int SLICE_W = 8;
    localparam int WORD_W = 64;
    localparam int WORDS = FILTERS / WORD_W;
    localparam int WORD_INDEX_W = SLOT_W - 6;
    // Positions of a topic's levels are 0 to LEVELS - 1; two more groups of rows:
    localparam logic [POSITION_W-1:0] DOLLAR = POSITION_W'(LEVELS); // the first level of a topic that begins with `$`
    localparam logic [POSITION_W-1:0] BEYOND = POSITION_W'(LEVELS + 1); // every level that no filter can name

    generate
        if (FILTERS < 128 || FILTERS > 65536 || (1 << SLOT_W) != FILTERS) $error("FILTERS must be a power of 2 from 128 to 65536");
        if ((1 << POSITION_W) != LEVELS + 2 || LEVELS < 2) $error("LEVELS must be 2, 6, 14 or 30");
        if (CHUNK_W < 2 || CHUNK_W > 8 || CHUNKS * CHUNK_W != ID_W) $error("ID_W must be a multiple of CHUNK_W, and that 2 to 8");
        if (ENTRY_W < 1 || ENTRY_W > 32) $error("ENTRY_W must be 1 to 32");
    endgenerate

    // ---- Control: collects a filter's levels, then sweeps over all rows and rewrites its bit in each.
    localparam logic [1:0] PLUS = 2'd1;
    localparam logic [1:0] HASH = 2'd2;

    typedef enum logic [1:0] {COLLECT, SWEEP, COMMIT, DONE} phase_t;
    phase_t phase;
    logic bad, ends_in_hash;
    logic [POSITION_W-1:0] level_count; // of the filter, without `#`
    logic [LEVELS*ID_W-1:0] level_ids;
    logic [LEVELS-1:0] level_plus;
    logic [SLOT_W-1:0] slot;
    logic [ENTRY_W:0] entry;
    logic [ROW_W-1:0] sweep_row;
    logic sweep_write;

    assign c_ready = phase == COLLECT;
    wire logic take = c_valid && c_ready;
    wire logic is_hash = c_kind == HASH;
    wire logic is_bad = bad || ends_in_hash || c_kind > HASH || (!is_hash && level_count == POSITION_W'(LEVELS)) || (c_kind == 2'd0 && c_data == '0);
    wire logic remove = take && (!c_install || c_last); // a slot that is written anew is emptied before
    wire logic stalled; // the walk holds a level that it read in an earlier cycle
    wire logic commit = phase == COMMIT && !stalled;

    logic [FILTERS-1:0] live;

    always_ff @(posedge clk) begin
        d_valid <= 1'b0;
        if (rst) begin
            phase <= COLLECT;
            bad <= 1'b0;
            ends_in_hash <= 1'b0;
            level_count <= '0;
            sweep_write <= 1'b0;
            d_bad <= 1'b0;
            installed <= '0;
            live <= '0;
        end else begin
            case (phase)
                COLLECT:
                if (take) begin
                    slot <= c_slot;
                    entry <= {c_shared, c_entry};
                    if (c_install) begin
                        bad <= is_bad;
                        ends_in_hash <= is_hash;
                        if (!is_hash && !is_bad) begin
                            for (int at = 0; at < LEVELS; at++)
                                if (level_count == POSITION_W'(at)) begin
                                    level_ids[at*ID_W+:ID_W] <= c_data;
                                    level_plus[at] <= c_kind == PLUS;
                                end
                            level_count <= level_count + 1'b1;
                        end
                    end
                    sweep_row <= '0;
                    sweep_write <= 1'b0;
                    if (!c_install) phase <= DONE;
                    else if (c_last) phase <= is_bad ? DONE : SWEEP;
                end
                SWEEP: begin
                    sweep_write <= !sweep_write;
                    if (sweep_write) begin
                        sweep_row <= sweep_row + 1'b1;
                        if (&sweep_row) phase <= COMMIT;
                    end
                end
                COMMIT: if (commit) phase <= DONE;
                default: begin
                    d_valid <= 1'b1;
                    d_bad <= bad;
                    bad <= 1'b0;
                    ends_in_hash <= 1'b0;
                    level_count <= '0;
                    phase <= COLLECT;
                end
            endcase
            if (remove) begin
                live[c_slot] <= 1'b0;
                if (live[c_slot]) installed <= installed - 1'b1;
            end
            if (commit) begin
                live[slot] <= 1'b1;
                installed <= installed + 1'b1;
            end
        end
    end

    // What the filter's bit is in the rows of sweep_row.
    wire logic [POSITION_W-1:0] sweep_position = sweep_row[ROW_W-1:CHUNK_W];
    wire logic [CHUNK_W-1:0] sweep_chunk = sweep_row[CHUNK_W-1:0];
    wire logic [POSITION_W-1:0] sweep_level = sweep_position == DOLLAR ? '0 : sweep_position;
    logic [ID_W-1:0] sweep_id;
    logic sweep_plus;
    always_comb begin
        sweep_id = '0;
        sweep_plus = 1'b0;
        for (int at = 0; at < LEVELS; at++)
            if (sweep_level == POSITION_W'(at)) begin
                sweep_id = level_ids[at*ID_W+:ID_W];
                sweep_plus = level_plus[at];
            end
    end
    wire logic sweep_named = sweep_level < level_count; // no: the filter has ended before, so that only `#` accepts a level there
    wire logic sweep_dollar = sweep_position == DOLLAR;
    wire logic sweep_any = sweep_named ? sweep_plus : ends_in_hash;
    wire logic sweep_accepts = sweep_any && !sweep_dollar; // a wildcard in a filter's first level does not match `$` [MQTT-4.7.2-1]
    wire logic sweep_compares = sweep_named && !sweep_plus;

    // ---- Walk, first stage: reads the rows of one level.
    logic [POSITION_W-1:0] position; // of the level at s_data; stays at LEVELS beyond
    logic first; // the level at s_data is a topic's first
    wire logic read = s_valid && s_ready;
    wire logic [POSITION_W-1:0] group = first ? (s_dollar ? DOLLAR : '0) : position == POSITION_W'(LEVELS) ? BEYOND : position;
    wire logic [POSITION_W-1:0] levels_so_far = position == POSITION_W'(LEVELS) ? position : position + 1'b1;

    always_ff @(posedge clk)
        if (rst) begin
            position <= '0;
            first <= 1'b1;
        end else if (read) begin
            position <= s_last ? '0 : levels_so_far;
            first <= s_last;
        end

    wire logic [SLOT_W-1:0] slice_start = {slot[SLOT_W-1:3], 3'b000};
    wire logic sweeping = phase == SWEEP;

    wire logic [CHUNKS*FILTERS-1:0] rows;
    generate
        for (genvar chunk = 0; chunk < CHUNKS; chunk++) begin : g_chunk
            logic [FILTERS-1:0] mem[0:(1<<ROW_W)-1];
            logic [FILTERS-1:0] row;
            logic [SLICE_W-1:0] old, changed;
            always_comb begin
                changed = old;
                changed[slot[2:0]] = sweep_accepts || (sweep_compares && sweep_id[chunk*CHUNK_W+:CHUNK_W] == sweep_chunk);
            end
            always_ff @(posedge clk) if (read) row <= mem[{group, s_data[chunk*CHUNK_W+:CHUNK_W]}];
            always_ff @(posedge clk)
                if (sweeping) begin
                    if (sweep_write) mem[sweep_row][slice_start+:SLICE_W] <= changed;
                    else old <= mem[sweep_row][slice_start+:SLICE_W];
                end
            assign rows[chunk*FILTERS+:FILTERS] = row;
        end
    endgenerate

    // Which filters have no more levels than the topic, by its number of levels (LEVELS: and more).
    logic [FILTERS-1:0] end_mem[0:LEVELS];
    logic [FILTERS-1:0] end_row;
    logic [SLICE_W-1:0] end_old, end_changed;
    wire logic sweep_end = sweeping && sweep_chunk == '0 && sweep_position <= POSITION_W'(LEVELS);
    always_comb begin
        end_changed = end_old;
        end_changed[slot[2:0]] = level_count <= sweep_position;
    end
    always_ff @(posedge clk) if (read && s_last) end_row <= end_mem[levels_so_far];
    always_ff @(posedge clk)
        if (sweep_end) begin
            if (sweep_write) end_mem[sweep_position][slice_start+:SLICE_W] <= end_changed;
            else end_old <= end_mem[sweep_position][slice_start+:SLICE_W];
        end

    // ---- Walk, second stage: the filters that are left.
    logic held, held_first, held_last;
    logic [FILTERS-1:0] alive, left;
    wire logic hits_free;
    assign stalled = held && held_last && !hits_free;
    assign s_ready = !stalled;
    wire logic load_hits = held && held_last && hits_free;

    always_comb begin
        left = held_first ? live : alive;
        for (int chunk = 0; chunk < CHUNKS; chunk++) left &= rows[chunk*FILTERS+:FILTERS];
    end
    always_ff @(posedge clk)
        if (rst) held <= 1'b0;
        else begin
            if (!stalled) begin
                held <= s_valid;
                held_first <= first;
                held_last <= s_last;
                if (held) alive <= left;
            end
            if (remove) alive[c_slot] <= 1'b0;
        end

    // ---- Output, first stage: the matches of a topic as 64-bit words.
    logic hits_live;
    logic [FILTERS-1:0] hits;
    logic [WORDS-1:0] hit_words; // the words with a match, not yet handed on
    logic [WORD_INDEX_W-1:0] next_word;
    always_comb begin
        next_word = '0;
        for (int at = WORDS - 1; at >= 0; at--) if (hit_words[at]) next_word = WORD_INDEX_W'(at);
    end
    wire logic last_word = (hit_words & (hit_words - 1'b1)) == '0;
    wire logic word_free;
    wire logic load_word = hits_live && word_free;
    assign hits_free = !hits_live || (load_word && last_word);

    logic [FILTERS-1:0] matched;
    assign matched = left & end_row;
    always_ff @(posedge clk)
        if (rst) begin
            hits_live <= 1'b0;
        end else begin
            if (load_hits) begin
                hits <= matched;
                for (int at = 0; at < WORDS; at++) hit_words[at] <= |matched[at*WORD_W+:WORD_W];
                hits_live <= 1'b1;
            end else if (load_word) begin
                hit_words[next_word] <= 1'b0;
                if (last_word) hits_live <= 1'b0;
            end
            if (remove) hits[c_slot] <= 1'b0;
        end

    // ---- Output, second stage: one word's matches, one by one, lowest first.
    logic word_live, word_last;
    logic [WORD_INDEX_W-1:0] word_index;
    logic [WORD_W-1:0] word;
    logic [5:0] bit_index;
    always_comb begin
        bit_index = '0;
        for (int at = WORD_W - 1; at >= 0; at--) if (word[at]) bit_index = 6'(at);
    end
    wire logic [WORD_W-1:0] word_rest = word & (word - 1'b1);
    wire logic m_free = !m_valid || m_ready;
    wire logic word_none = word == '0;
    wire logic word_ends = word_rest == '0;
    assign word_free = !word_live || (word_ends && m_free);

    always_ff @(posedge clk)
        if (rst) word_live <= 1'b0;
        else begin
            if (load_word) begin
                word <= hits[{next_word, 6'd0}+:WORD_W];
                word_index <= next_word;
                word_last <= last_word;
                word_live <= 1'b1;
            end else if (word_live && m_free) begin
                word <= word_rest;
                if (word_ends) word_live <= 1'b0;
            end
            if (remove && c_slot[SLOT_W-1:6] == (load_word ? next_word : word_index)) word[c_slot[5:0]] <= 1'b0;
        end

    // ---- Output, third stage: what was installed with the filter.
    logic [ENTRY_W:0] entries[0:FILTERS-1];
    logic [ENTRY_W:0] out;
    always_ff @(posedge clk) if (commit) entries[slot] <= entry;
    always_ff @(posedge clk) if (m_free) out <= entries[{word_index, bit_index}];
    always_ff @(posedge clk)
        if (rst) m_valid <= 1'b0;
        else if (m_free) begin
            m_valid <= word_live && (!word_none || word_last);
            m_none <= word_none;
            m_last <= word_last && word_ends;
        end
    assign {m_shared, m_data} = out;
endmodule

`default_nettype wire
