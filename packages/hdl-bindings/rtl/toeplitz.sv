// toeplitz: the Toeplitz hash of a stream of inputs, as receive side scaling computes it. [Microsoft, RSS hashing functions; virtio 1.2 §5.1.6.4.3]
//
// Input:  8 bytes a beat, the first in s_data[7:0]; s_keep marks those that count. All of a beat must, but of the last one only the first 0 to 8. An input
//         has KEY_BYTES - 4 bytes at most; bytes beyond are not hashed.
// Key:    key[7:0] is its first byte. It must not change while an input is under way.
// Result: m_data is the hash.
//
// Latency:    last beat to hash 2 cycles.
// Throughput: one beat a cycle, inputs back to back: an IPv6 pair with ports (36 bytes) takes 5 cycles.
// Resources:  yosys synth_ice40: 2 341 LUT4 (32 XOR trees of 64 inputs, the multiplexer of the key), 102 flip-flops; 69 MHz in an iCE40 HX8K by nextpnr.
//
// Parameters: KEY_BYTES (12 to 64): 40 in RSS, 52 where a longer key is in use.
`default_nettype none

module toeplitz #(
    parameter int KEY_BYTES = 40
) (
    input  wire logic                   clk,
    input  wire logic                   rst,

    input  wire logic [KEY_BYTES*8-1:0] key,

    input  wire logic                   s_valid,
    output logic                        s_ready,
    input  wire logic [63:0]            s_data,
    input  wire logic [7:0]             s_keep,
    input  wire logic                   s_last,

    output logic                        m_valid,
    input  wire logic                   m_ready,
    output logic [31:0]                 m_data
);
    generate
        if (KEY_BYTES < 12 || KEY_BYTES > 64) $error("KEY_BYTES must be 12 to 64");
    endgenerate

    localparam int INPUT_BYTES = KEY_BYTES - 4;
    localparam int BEATS = (INPUT_BYTES + 7) / 8;
    localparam int BEAT_W = $clog2(BEATS + 1);

    wire logic advance = !m_valid || m_ready;
    assign s_ready = advance;

    // The 12 bytes of the key that meet this beat's 8 bytes, and those of its bytes that may be hashed. Bits are numbered as they stand in the hash: highest first.
    logic [BEAT_W-1:0] beat; // stays at BEATS beyond
    logic [95:0] window;
    logic [7:0] counted;
    always_comb begin
        window = '0;
        counted = '0;
        for (int one = 0; one < BEATS; one++)
            if (beat == BEAT_W'(one)) begin
                for (int at = 0; at < 12; at++) if (one * 8 + at < KEY_BYTES) window[(11-at)*8+:8] = key[(one*8+at)*8+:8];
                for (int at = 0; at < 8; at++) counted[at] = one * 8 + at < INPUT_BYTES;
            end
    end

    // A set bit of the input takes in the 32 bits of the key that begin at its place.
    logic [31:0] part, part_next;
    always_comb begin
        part_next = '0;
        for (int at = 0; at < 8; at++)
            for (int one = 0; one < 8; one++)
                if (s_data[at*8+7-one] && s_keep[at] && counted[at]) part_next ^= window[64-at*8-one+:32];
    end

    logic held, held_last;
    logic [31:0] hash;
    wire logic [31:0] hash_next = hash ^ part;
    always_ff @(posedge clk)
        if (rst) begin
            beat <= '0;
            held <= 1'b0;
            hash <= '0;
            m_valid <= 1'b0;
        end else if (advance) begin
            if (s_valid) beat <= s_last ? '0 : beat == BEAT_W'(BEATS) ? beat : beat + 1'b1;
            held <= s_valid;
            held_last <= s_last;
            part <= part_next;
            if (held) hash <= held_last ? '0 : hash_next;
            m_valid <= held && held_last;
            m_data <= hash_next;
        end
endmodule

`default_nettype wire
