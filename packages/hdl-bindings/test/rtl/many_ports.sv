// Everything that a port can be, some hundred of them: for the tests of the binding. Each output is its input, registered, with all bits inverted.
// Latency 1 cycle. Parameters: K, what the port k says; it comes from outside.
`default_nettype none
module many_ports #(
  parameter int K = 7
) (
  input  wire logic         aclk,
  input  wire logic         aresetn,
  input  wire logic         step,        // a name that the class has itself
  output      logic         step_q,
  input  wire logic [199:0] wide,
  output      logic [199:0] wide_q,
  input  wire logic [63:0]  full__64,    // a name that is written otherwise in C++
  output      logic [63:0]  full__64_q,
  input  wire logic [32:0]  just_33,
  output      logic [32:0]  just_33_q,
  input  wire logic signed [15:0] half,
  output      logic signed [15:0] half_q,
  input  wire logic [3:0][7:0] packed_array,
  output      logic [3:0][7:0] packed_array_q,
  input  wire logic [0:0] in_0,
  output      logic [0:0] out_0,
  input  wire logic [1:0] in_1,
  output      logic [1:0] out_1,
  input  wire logic [2:0] in_2,
  output      logic [2:0] out_2,
  input  wire logic [3:0] in_3,
  output      logic [3:0] out_3,
  input  wire logic [4:0] in_4,
  output      logic [4:0] out_4,
  input  wire logic [5:0] in_5,
  output      logic [5:0] out_5,
  input  wire logic [6:0] in_6,
  output      logic [6:0] out_6,
  input  wire logic [7:0] in_7,
  output      logic [7:0] out_7,
  input  wire logic [8:0] in_8,
  output      logic [8:0] out_8,
  input  wire logic [9:0] in_9,
  output      logic [9:0] out_9,
  input  wire logic [10:0] in_10,
  output      logic [10:0] out_10,
  input  wire logic [11:0] in_11,
  output      logic [11:0] out_11,
  input  wire logic [12:0] in_12,
  output      logic [12:0] out_12,
  input  wire logic [13:0] in_13,
  output      logic [13:0] out_13,
  input  wire logic [14:0] in_14,
  output      logic [14:0] out_14,
  input  wire logic [15:0] in_15,
  output      logic [15:0] out_15,
  input  wire logic [16:0] in_16,
  output      logic [16:0] out_16,
  input  wire logic [17:0] in_17,
  output      logic [17:0] out_17,
  input  wire logic [18:0] in_18,
  output      logic [18:0] out_18,
  input  wire logic [19:0] in_19,
  output      logic [19:0] out_19,
  input  wire logic [20:0] in_20,
  output      logic [20:0] out_20,
  input  wire logic [21:0] in_21,
  output      logic [21:0] out_21,
  input  wire logic [22:0] in_22,
  output      logic [22:0] out_22,
  input  wire logic [23:0] in_23,
  output      logic [23:0] out_23,
  input  wire logic [24:0] in_24,
  output      logic [24:0] out_24,
  input  wire logic [25:0] in_25,
  output      logic [25:0] out_25,
  input  wire logic [26:0] in_26,
  output      logic [26:0] out_26,
  input  wire logic [27:0] in_27,
  output      logic [27:0] out_27,
  input  wire logic [28:0] in_28,
  output      logic [28:0] out_28,
  input  wire logic [29:0] in_29,
  output      logic [29:0] out_29,
  input  wire logic [30:0] in_30,
  output      logic [30:0] out_30,
  input  wire logic [31:0] in_31,
  output      logic [31:0] out_31,
  input  wire logic [32:0] in_32,
  output      logic [32:0] out_32,
  input  wire logic [33:0] in_33,
  output      logic [33:0] out_33,
  input  wire logic [34:0] in_34,
  output      logic [34:0] out_34,
  input  wire logic [35:0] in_35,
  output      logic [35:0] out_35,
  input  wire logic [36:0] in_36,
  output      logic [36:0] out_36,
  input  wire logic [37:0] in_37,
  output      logic [37:0] out_37,
  input  wire logic [38:0] in_38,
  output      logic [38:0] out_38,
  input  wire logic [39:0] in_39,
  output      logic [39:0] out_39,
  input  wire logic [40:0] in_40,
  output      logic [40:0] out_40,
  input  wire logic [41:0] in_41,
  output      logic [41:0] out_41,
  input  wire logic [42:0] in_42,
  output      logic [42:0] out_42,
  input  wire logic [43:0] in_43,
  output      logic [43:0] out_43,
  input  wire logic [44:0] in_44,
  output      logic [44:0] out_44,
  input  wire logic [45:0] in_45,
  output      logic [45:0] out_45,
  input  wire logic [46:0] in_46,
  output      logic [46:0] out_46,
  input  wire logic [47:0] in_47,
  output      logic [47:0] out_47,
  input  wire logic [48:0] in_48,
  output      logic [48:0] out_48,
  input  wire logic [49:0] in_49,
  output      logic [49:0] out_49,
  output      int           k
);
  assign k = K;
  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      step_q <= '0;
      wide_q <= '0;
      full__64_q <= '0;
      just_33_q <= '0;
      half_q <= '0;
      packed_array_q <= '0;
      out_0 <= '0;
      out_1 <= '0;
      out_2 <= '0;
      out_3 <= '0;
      out_4 <= '0;
      out_5 <= '0;
      out_6 <= '0;
      out_7 <= '0;
      out_8 <= '0;
      out_9 <= '0;
      out_10 <= '0;
      out_11 <= '0;
      out_12 <= '0;
      out_13 <= '0;
      out_14 <= '0;
      out_15 <= '0;
      out_16 <= '0;
      out_17 <= '0;
      out_18 <= '0;
      out_19 <= '0;
      out_20 <= '0;
      out_21 <= '0;
      out_22 <= '0;
      out_23 <= '0;
      out_24 <= '0;
      out_25 <= '0;
      out_26 <= '0;
      out_27 <= '0;
      out_28 <= '0;
      out_29 <= '0;
      out_30 <= '0;
      out_31 <= '0;
      out_32 <= '0;
      out_33 <= '0;
      out_34 <= '0;
      out_35 <= '0;
      out_36 <= '0;
      out_37 <= '0;
      out_38 <= '0;
      out_39 <= '0;
      out_40 <= '0;
      out_41 <= '0;
      out_42 <= '0;
      out_43 <= '0;
      out_44 <= '0;
      out_45 <= '0;
      out_46 <= '0;
      out_47 <= '0;
      out_48 <= '0;
      out_49 <= '0;
    end else begin
      step_q <= ~step;
      wide_q <= ~wide;
      full__64_q <= ~full__64;
      just_33_q <= ~just_33;
      half_q <= ~half;
      packed_array_q <= ~packed_array;
      out_0 <= ~in_0;
      out_1 <= ~in_1;
      out_2 <= ~in_2;
      out_3 <= ~in_3;
      out_4 <= ~in_4;
      out_5 <= ~in_5;
      out_6 <= ~in_6;
      out_7 <= ~in_7;
      out_8 <= ~in_8;
      out_9 <= ~in_9;
      out_10 <= ~in_10;
      out_11 <= ~in_11;
      out_12 <= ~in_12;
      out_13 <= ~in_13;
      out_14 <= ~in_14;
      out_15 <= ~in_15;
      out_16 <= ~in_16;
      out_17 <= ~in_17;
      out_18 <= ~in_18;
      out_19 <= ~in_19;
      out_20 <= ~in_20;
      out_21 <= ~in_21;
      out_22 <= ~in_22;
      out_23 <= ~in_23;
      out_24 <= ~in_24;
      out_25 <= ~in_25;
      out_26 <= ~in_26;
      out_27 <= ~in_27;
      out_28 <= ~in_28;
      out_29 <= ~in_29;
      out_30 <= ~in_30;
      out_31 <= ~in_31;
      out_32 <= ~in_32;
      out_33 <= ~in_33;
      out_34 <= ~in_34;
      out_35 <= ~in_35;
      out_36 <= ~in_36;
      out_37 <= ~in_37;
      out_38 <= ~in_38;
      out_39 <= ~in_39;
      out_40 <= ~in_40;
      out_41 <= ~in_41;
      out_42 <= ~in_42;
      out_43 <= ~in_43;
      out_44 <= ~in_44;
      out_45 <= ~in_45;
      out_46 <= ~in_46;
      out_47 <= ~in_47;
      out_48 <= ~in_48;
      out_49 <= ~in_49;
    end
  end
endmodule
`default_nettype wire
