/** Colours of the drawn service graph, for light and for dark surroundings. @module */
import type { Carriage } from "./carriage.ts";

/** A colour as `#rrggbb` on a light and on a dark ground; texts have a contrast of at least 4.5 (WCAG 2.2 §1.4.3). */
export interface Colour {
  readonly light: string;
  readonly dark: string;
}

/** Colours by what they mean; the three of edges differ in lightness too. No two have the same light one. */
export const palette: Readonly<Record<"ground" | "box" | "frame" | "text" | Carriage, Colour>> = {
  ground: { light: "#ffffff", dark: "#14171c" },
  box: { light: "#f3f5f8", dark: "#232831" },
  frame: { light: "#8b94a3", dark: "#6d7788" },
  text: { light: "#1c2128", dark: "#e4e8ee" },
  redirected: { light: "#0b7a4b", dark: "#4cc38a" },
  tcp: { light: "#667080", dark: "#9aa4b4" },
  denied: { light: "#b3261e", dark: "#ff8a80" },
};

/** Style sheet for an SVG drawn in the light colours: viewers that prefer dark get the dark ones. */
export function darkStyle(): string {
  const rules = Object.values(palette).flatMap(({ light, dark }) =>
    ["fill", "stroke"].map((name) => `[${name}="${light}"]{${name}:${dark}}`),
  );
  return `@media (prefers-color-scheme:dark){${rules.join("")}}`;
}
