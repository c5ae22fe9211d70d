// internet_checksum: the Internet checksum of a stream of packets. [RFC 1071]
//
// Packet: 8 bytes a beat, the first in s_data[7:0]; s_keep marks those that count. All of a beat must, but of the last one only the first 0 to 8.
// Result: m_data is the checksum, the complement of the ones' complement sum of the packet's 16-bit words; its high byte goes first on the wire. A packet
//         with its checksum in it gives 0. A packet without bytes gives ffff.
//
// Latency:    last beat to result 3 cycles.
// Throughput: one beat a cycle, packets back to back.
// Resources:  yosys synth_ice40: 219 LUT4, 63 carries, 74 flip-flops; 108 MHz in an iCE40 HX8K by nextpnr.
//
// Parameters: none.
`default_nettype none

module internet_checksum (
    input  wire logic        clk,
    input  wire logic        rst,

    input  wire logic        s_valid,
    output logic             s_ready,
    input  wire logic [63:0] s_data,
    input  wire logic [7:0]  s_keep,
    input  wire logic        s_last,

    output logic             m_valid,
    input  wire logic        m_ready,
    output logic [15:0]      m_data
);
    wire logic advance = !m_valid || m_ready;
    assign s_ready = advance;

    // First stage: the sum of a beat's four words.
    logic held, held_last;
    logic [17:0] beat, beat_next;
    always_comb begin
        beat_next = '0;
        for (int at = 0; at < 4; at++)
            beat_next += 18'({s_data[at*16+:8] & {8{s_keep[at*2]}}, s_data[at*16+8+:8] & {8{s_keep[at*2+1]}}});
    end

    // Second stage: what passes 16 bits comes round with the next beat, so that the sum has 18 bits at most: 2 * ffff + 2 * 3.
    logic summed;
    logic [17:0] sum, total;
    wire logic [17:0] sum_next = 18'(sum[15:0]) + 18'(sum[17:16]) + 18'(beat[15:0]) + 18'(beat[17:16]);

    // Third stage: the rest comes round. It does twice, as the first may pass 16 bits again.
    wire logic [16:0] once = 17'(total[15:0]) + 17'(total[17:16]);
    wire logic [15:0] twice = once[15:0] + 16'(once[16]);

    always_ff @(posedge clk)
        if (rst) begin
            held <= 1'b0;
            sum <= '0;
            summed <= 1'b0;
            m_valid <= 1'b0;
        end else if (advance) begin
            held <= s_valid;
            held_last <= s_last;
            beat <= beat_next;
            if (held) sum <= held_last ? '0 : sum_next;
            summed <= held && held_last;
            total <= sum_next;
            m_valid <= summed;
            m_data <= ~twice;
        end
endmodule

`default_nettype wire
