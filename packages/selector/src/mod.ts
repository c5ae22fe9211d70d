/** Which replica gets a request. @module */
export type { Answer, Candidate, Report } from "./candidate.ts";
export { type CostOptions, costRanges } from "./cost.ts";
export { LiveCandidate, type LiveCandidateOptions } from "./live-candidate.ts";
export { Membership, type MembershipOptions, type Outcome, type Standing } from "./membership.ts";
export { costOf, kernelCost, type Score, type ScoreScale, scoreOf, scoreScale } from "./score.ts";
export {
  type SelectionContext,
  type Selector,
  type SelectorFactory,
  type SelectorName,
  type SelectorOptions,
  selectorNames,
} from "./selector.ts";
export { createSelector, isSelectorName, selectors } from "./selectors.ts";
export { overflows, Sticky, type StickyOptions } from "./sticky/sticky.ts";
