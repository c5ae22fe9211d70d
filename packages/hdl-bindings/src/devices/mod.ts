/** Devices of `@mitsu/hal` over the RTL models. @module */
export {};
