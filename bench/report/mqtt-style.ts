/** Colours and line patterns of mqtt.sh's pictures, beside those of style.ts; broker and way differ in shape too. @module */

/** One colour a broker; what is redirected is drawn whole, what is on TCP with a dashed line. */
export const brokerCss = `
  .curve { fill: none; stroke-width: 2; } .curve.tcp { stroke-dasharray: 5 3; }
  .curve.mqttnic { stroke: #0860c4; } .curve.mosquitto { stroke: #c2255c; } .curve.floor { stroke: #59636e; stroke-width: 1.4; } .curve.aedes { stroke: #a65d00; }
  .bar.mqttnic { fill: #0860c4; } .bar.mosquitto { fill: #c2255c; } .bar.floor { fill: #8c959f; } .bar.aedes { fill: #a65d00; }
  .tcp.bar { fill-opacity: .62; }
  @media (prefers-color-scheme: dark) {
    .curve.mqttnic { stroke: #58a6ff; } .curve.mosquitto { stroke: #ff7aa2; } .curve.floor { stroke: #9aa4af; } .curve.aedes { stroke: #e3a04a; }
    .bar.mqttnic { fill: #58a6ff; } .bar.mosquitto { fill: #ff7aa2; } .bar.floor { fill: #6e7781; } .bar.aedes { fill: #e3a04a; }
  }`;

/** The classes of a broker's line or bar. */
export const classesOf = (mode: string): string => `${mode.replace("-redirect", "")} ${mode.endsWith("-redirect") ? "redirect" : "tcp"}`;
