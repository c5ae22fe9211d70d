//! The header filter that filters.sh measures, in Rust; tag.c does the same.
use proxy_wasm::*;

#[no_mangle]
pub extern "C" fn proxy_on_request_headers(_context: u32, _headers: u32, _end: u32) -> u32 {
    let host = header(Map::RequestHeaders, ":authority").unwrap_or_default();
    let path = header(Map::RequestHeaders, ":path").unwrap_or_default();
    add_header(Map::RequestHeaders, "x-path", &path);
    set_header(Map::RequestHeaders, "x-host", &host);
    CONTINUE
}

#[no_mangle]
pub extern "C" fn proxy_on_response_headers(_context: u32, _headers: u32, _end: u32) -> u32 {
    add_header(Map::ResponseHeaders, "x-tagged", "1");
    CONTINUE
}
