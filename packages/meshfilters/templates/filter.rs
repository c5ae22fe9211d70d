//! FILTER: puts x-FILTER into every request. Its value is the filter's configuration, or 1.
use proxy_wasm::*;
use std::cell::RefCell;

thread_local! {
    static VALUE: RefCell<String> = RefCell::new("1".to_string());
}

#[no_mangle]
pub extern "C" fn proxy_on_configure(_root: u32, size: u32) -> u32 {
    if size > 0 {
        VALUE.with(|value| *value.borrow_mut() = configuration(size));
    }
    1
}

#[no_mangle]
pub extern "C" fn proxy_on_request_headers(_context: u32, _headers: u32, _end: u32) -> u32 {
    VALUE.with(|value| set_header(Map::RequestHeaders, "x-FILTER", &value.borrow()));
    CONTINUE
}
