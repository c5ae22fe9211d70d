/** Colours of the pictures: the house's, on a ground of their own, light or dark as the reader's setting is. @module */

/** Ends of a colour, light and dark. */
type Pair = readonly [light: string, dark: string];

/** Of traffic that stays, traffic that crosses, and further series. */
export const colours: Readonly<Record<"local" | "remote" | "third" | "fourth" | "fifth" | "sixth", Pair>> = {
  local: ["#0860c4", "#58a6ff"],
  remote: ["#c2255c", "#ff7aa2"],
  third: ["#0f8a83", "#3fc7bd"],
  fourth: ["#a65d00", "#e3a04a"],
  fifth: ["#8344b5", "#c297eb"],
  sixth: ["#59636e", "#9aa4af"],
};

/** Classes of series in a chart, in order. */
export const seriesClasses: readonly string[] = Object.keys(colours);

/** Six steps from little to much, each with the text that is read on it. */
const steps: readonly { readonly fill: Pair; readonly text: Pair }[] = [
  { fill: ["#eef2f6", "#1b222b"], text: ["#1f2328", "#e6edf3"] },
  { fill: ["#cfe2f7", "#17304d"], text: ["#1f2328", "#e6edf3"] },
  { fill: ["#9fc5ef", "#1a4470"], text: ["#1f2328", "#e6edf3"] },
  { fill: ["#6aa4e3", "#205c9b"], text: ["#10141a", "#ffffff"] },
  { fill: ["#2f7bd0", "#3c8ae0"], text: ["#ffffff", "#0d1117"] },
  { fill: ["#084c9e", "#8cc2ff"], text: ["#ffffff", "#0d1117"] },
];

/** The class of a share, 0 to 1, among the steps: `q0` to `q5`. */
export function stepClass(share: number): string {
  return `q${Math.min(steps.length - 1, Math.max(0, Math.floor(share * steps.length)))}`;
}

/** How many steps there are. */
export const stepCount: number = steps.length;

function rules(of: 0 | 1): string {
  const series = Object.entries(colours).map(
    ([name, pair]) =>
      `.${name} { stroke: ${pair[of]}; } .dot.${name}, .bar.${name} { fill: ${pair[of]}; } text.${name} { fill: ${pair[of]}; stroke: none; }`,
  );
  const shades = steps.map(({ fill, text }, at) => `.q${at} { fill: ${fill[of]}; } text.q${at} { fill: ${text[of]}; }`);
  return [...series, ...shades].join("\n    ");
}

/** The style sheet of every picture. Shapes and words differ too, so that colour is never the only sign. */
export const css: string = `
    svg { font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; background: #fff; }
    text { fill: #1f2328; font-size: 12px; }
    .title { font-size: 19px; font-weight: 600; } .head { font-size: 14px; font-weight: 600; } .soft { fill: #59636e; font-size: 11px; }
    .small { font-size: 10px; } .strong { font-weight: 600; }
    .ground { fill: #fff; } .box { fill: #f6f8fa; stroke: #c3cad1; } .chip { fill: #fff; stroke: #c3cad1; } .fill { fill: #d5e4f7; }
    .track { fill: #e4e8ec; } .full { fill: #bf5b00; } .over { fill: #d1242f; } .free { fill: #2f7bd0; }
    .grid { stroke: #d9dee3; } .axis { stroke: #59636e; } .flow, .line { fill: none; } .line { stroke-width: 2; } .flow { stroke-opacity: 0.55; stroke-linecap: round; }
    .hollow { fill: #fff; stroke-width: 1.8; } .halo { stroke: #fff; stroke-width: 3px; paint-order: stroke; }
    .came { fill: #1a7f37; } .went { fill: #bf5b00; }
    ${rules(0)}
    @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; } text { fill: #e6edf3; } .soft { fill: #9aa4af; }
    .ground { fill: #0d1117; } .box { fill: #161b22; stroke: #3d444d; } .chip { fill: #0d1117; stroke: #3d444d; } .fill { fill: #17304d; }
    .track { fill: #30363d; } .full { fill: #e3a04a; } .over { fill: #ff6a69; } .free { fill: #58a6ff; }
    .grid { stroke: #30363d; } .axis { stroke: #9aa4af; } .hollow { fill: #0d1117; } .halo { stroke: #0d1117; }
    .came { fill: #56d364; } .went { fill: #e3a04a; }
    ${rules(1)}
    }`;
