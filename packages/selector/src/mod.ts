/** Which replica gets a request. @module */
export type { Answer, Candidate, Report } from "./candidate.ts";
export { type CostOptions, costOptions } from "./cost.ts";
export { LiveCandidate, type LiveCandidateOptions } from "./live-candidate.ts";
export { Membership, type MembershipOptions, type Outcome, type Standing, type Told } from "./membership.ts";
export { choicesFor, costOf, kernelCost, type Score, type ScoreScale, scoreOf, scoreScale, takesNoneScore } from "./score.ts";
export {
  type Costs,
  type OptionRange,
  type OptionRanges,
  type SelectionContext,
  type Selector,
  type SelectorFactory,
  type SelectorName,
  type SelectorOptions,
  selectorNames,
} from "./selector.ts";
export { createSelector, isSelectorName, selectorOptions, selectors } from "./selectors.ts";
export { overflows, Sticky, type StickyOptions } from "./sticky/sticky.ts";
