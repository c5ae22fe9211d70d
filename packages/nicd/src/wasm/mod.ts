/** Filters in WebAssembly. @module */
export { FilterSet, type PreparedFilters } from "./filter-set.ts";
