/** What the pictures share: colours that hold in light and dark, and one mark a mode. @module */

/** Light and dark, each with enough contrast on its ground; shapes differ too, so that colour is never the only sign. */
export const css = `
  svg { font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; background: #fff; }
  .ground { fill: #fff; } text { fill: #1f2328; font-size: 12px; }
  .title { font-size: 19px; font-weight: 600; } .head { font-size: 13px; font-weight: 600; } .soft { fill: #59636e; font-size: 11px; }
  .value { font-size: 10.5px; } .strong { font-weight: 700; }
  .grid { stroke: #d9dee3; } .one { stroke: #59636e; stroke-width: 1.5; } .reach { stroke: #d9dee3; stroke-width: 2; }
  .plain { fill: #fff; stroke: #59636e; } .sockhijack { fill: #0860c4; stroke: #0860c4; } .side-band { fill: #0f8a83; stroke: #0f8a83; }
  .header { fill: #c2255c; stroke: #c2255c; } .haproxy1 { fill: #fff; stroke: #a65d00; } .haproxy2 { fill: #a65d00; stroke: #a65d00; }
  .envoy2 { fill: #8344b5; stroke: #8344b5; } path { stroke-width: 1.8; } path.line { fill: none; stroke-width: 2; }
  text.value { stroke: #fff; stroke-width: 3px; paint-order: stroke; } text.haproxy1 { fill: #a65d00; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; } .ground { fill: #0d1117; } text { fill: #e6edf3; } .soft { fill: #9aa4af; }
    .grid, .reach { stroke: #30363d; } .one { stroke: #9aa4af; }
    .plain { fill: #0d1117; stroke: #9aa4af; } .sockhijack { fill: #58a6ff; stroke: #58a6ff; } .side-band { fill: #3fc7bd; stroke: #3fc7bd; }
    .header { fill: #ff7aa2; stroke: #ff7aa2; } .haproxy1 { fill: #0d1117; stroke: #e3a04a; } .haproxy2 { fill: #e3a04a; stroke: #e3a04a; }
    .envoy2 { fill: #c297eb; stroke: #c297eb; } path.line { fill: none; }
    text.value { stroke: #0d1117; } text.haproxy1 { fill: #e3a04a; }
  }`;

/** The path of each mode's mark around a point. */
export const marks: Readonly<Record<string, (x: number, y: number) => string>> = {
  plain: (x, y) => `M${x - 5} ${y}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z`,
  sockhijack: (x, y) => `M${x - 6} ${y}a6 6 0 1 0 12 0a6 6 0 1 0 -12 0z`,
  "side-band": (x, y) => `M${x} ${y - 5.5}l6 10.5h-12z`,
  header: (x, y) => `M${x} ${y + 5.5}l6 -10.5h-12z`,
  haproxy1: (x, y) => `M${x - 4.5} ${y - 4.5}h9v9h-9z`,
  haproxy2: (x, y) => `M${x - 4.5} ${y - 4.5}h9v9h-9z`,
  envoy2: (x, y) => `M${x} ${y - 6}l6 6l-6 6l-6 -6z`,
};

/** Text for an SVG. */
export const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Pixels with one decimal. */
export const fixed = (value: number): number => Math.round(value * 10) / 10;
