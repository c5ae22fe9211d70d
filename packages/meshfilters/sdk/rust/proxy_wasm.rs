//! proxy-wasm for Rust without cargo: every host function of ABI 0.2.1 in `host`, and what a filter usually does with them as functions.
//!
//! `meshfilters build` compiles it beside the filter:
//!
//! ```
//! use proxy_wasm::*;
//!
//! #[no_mangle]
//! pub extern "C" fn proxy_on_request_headers(_context: u32, _headers: u32, _end: u32) -> u32 {
//!     add_header(Map::RequestHeaders, "x-tag", "1");
//!     CONTINUE
//! }
//! ```
//!
//! Source: github.com/proxy-wasm/spec, abi-versions/v0.2.1.

/// What callbacks return: go on, or hold back all that follows; a body that is paused is kept as a whole.
pub const CONTINUE: u32 = 0;
pub const PAUSE: u32 = 1;

/// Maps of fields.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Map {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    GrpcInitialMetadata,
    GrpcTrailingMetadata,
    CallHeaders,
    CallTrailers,
}

/// Buffers of bytes.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Buffer {
    RequestBody,
    ResponseBody,
    DownstreamData,
    UpstreamData,
    CallBody,
    GrpcMessage,
    VmConfiguration,
    PluginConfiguration,
    CallData,
}

/// Which half of what.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Stream {
    Request,
    Response,
    Downstream,
    Upstream,
}

/// From the least important.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

/// Kinds of metrics.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum MetricType {
    Counter,
    Gauge,
    Histogram,
}

/// The host's functions as they are; each returns a status, 0 is fine.
pub mod host {
    #[link(wasm_import_module = "env")]
    extern "C" {
        pub fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
        pub fn proxy_get_log_level(level: *mut u32) -> u32;
        pub fn proxy_get_status(code: *mut u32, text: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_get_current_time_nanoseconds(ns: *mut u64) -> u32;
        pub fn proxy_set_tick_period_milliseconds(ms: u32) -> u32;
        pub fn proxy_get_property(path: *const u8, path_size: usize, value: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32;
        pub fn proxy_get_header_map_value(map: u32, key: *const u8, key_size: usize, value: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_add_header_map_value(map: u32, key: *const u8, key_size: usize, value: *const u8, size: usize) -> u32;
        pub fn proxy_replace_header_map_value(map: u32, key: *const u8, key_size: usize, value: *const u8, size: usize) -> u32;
        pub fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
        pub fn proxy_get_header_map_pairs(map: u32, pairs: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_set_header_map_pairs(map: u32, pairs: *const u8, size: usize) -> u32;
        pub fn proxy_get_header_map_size(map: u32, size: *mut usize) -> u32;
        pub fn proxy_get_buffer_status(buffer: u32, size: *mut usize, flags: *mut u32) -> u32;
        pub fn proxy_get_buffer_bytes(buffer: u32, start: usize, most: usize, bytes: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_set_buffer_bytes(buffer: u32, start: usize, replaced: usize, bytes: *const u8, size: usize) -> u32;
        pub fn proxy_continue_stream(stream: u32) -> u32;
        pub fn proxy_close_stream(stream: u32) -> u32;
        pub fn proxy_send_local_response(
            status: u32, details: *const u8, details_size: usize, body: *const u8, body_size: usize,
            headers: *const u8, headers_size: usize, grpc_status: i32,
        ) -> u32;
        pub fn proxy_http_call(
            service: *const u8, service_size: usize, headers: *const u8, headers_size: usize, body: *const u8, body_size: usize,
            trailers: *const u8, trailers_size: usize, timeout_ms: u32, call: *mut u32,
        ) -> u32;
        pub fn proxy_grpc_call(
            service: *const u8, service_size: usize, name: *const u8, name_size: usize, method: *const u8, method_size: usize,
            metadata: *const u8, metadata_size: usize, message: *const u8, message_size: usize, timeout_ms: u32, call: *mut u32,
        ) -> u32;
        pub fn proxy_grpc_stream(
            service: *const u8, service_size: usize, name: *const u8, name_size: usize, method: *const u8, method_size: usize,
            metadata: *const u8, metadata_size: usize, stream: *mut u32,
        ) -> u32;
        pub fn proxy_grpc_send(stream: u32, message: *const u8, size: usize, end: u32) -> u32;
        pub fn proxy_grpc_cancel(call: u32) -> u32;
        pub fn proxy_grpc_close(stream: u32) -> u32;
        pub fn proxy_get_shared_data(key: *const u8, key_size: usize, value: *mut *mut u8, size: *mut usize, cas: *mut u32) -> u32;
        pub fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, size: usize, cas: u32) -> u32;
        pub fn proxy_register_shared_queue(name: *const u8, size: usize, queue: *mut u32) -> u32;
        pub fn proxy_resolve_shared_queue(vm: *const u8, vm_size: usize, name: *const u8, size: usize, queue: *mut u32) -> u32;
        pub fn proxy_enqueue_shared_queue(queue: u32, value: *const u8, size: usize) -> u32;
        pub fn proxy_dequeue_shared_queue(queue: u32, value: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_define_metric(kind: u32, name: *const u8, size: usize, metric: *mut u32) -> u32;
        pub fn proxy_increment_metric(metric: u32, by: i64) -> u32;
        pub fn proxy_record_metric(metric: u32, value: u64) -> u32;
        pub fn proxy_get_metric(metric: u32, value: *mut u64) -> u32;
        pub fn proxy_set_effective_context(context: u32) -> u32;
        pub fn proxy_done() -> u32;
        pub fn proxy_call_foreign_function(name: *const u8, name_size: usize, argument: *const u8, size: usize, result: *mut *mut u8, result_size: *mut usize) -> u32;
    }
}

extern "C" {
    fn __wasm_call_ctors();
}

/// A library in Rust has no start of its own.
#[no_mangle]
pub extern "C" fn _initialize() {
    unsafe { __wasm_call_ctors() }
}

#[no_mangle]
pub extern "C" fn proxy_abi_version_0_2_1() {}

/// Memory for what the host gives; whoever takes it frees it.
#[no_mangle]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let mut bytes = Vec::<u8>::with_capacity(size);
    let pointer = bytes.as_mut_ptr();
    std::mem::forget(bytes);
    pointer
}

/// Takes what a function of the host gave; None for a status that is not 0.
fn given(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let (mut pointer, mut size) = (std::ptr::null_mut(), 0usize);
    if call(&mut pointer, &mut size) != 0 {
        return None;
    }
    if pointer.is_null() {
        return Some(Vec::new());
    }
    Some(unsafe { Vec::from_raw_parts(pointer, size, size) })
}

pub fn log(level: Level, text: &str) {
    unsafe { host::proxy_log(level as u32, text.as_ptr(), text.len()) };
}

/// Nanoseconds since 1970.
pub fn now_ns() -> u64 {
    let mut ns = 0;
    unsafe { host::proxy_get_current_time_nanoseconds(&mut ns) };
    ns
}

/// The first value of a field.
pub fn header(map: Map, name: &str) -> Option<String> {
    given(|value, size| unsafe { host::proxy_get_header_map_value(map as u32, name.as_ptr(), name.len(), value, size) })
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

pub fn add_header(map: Map, name: &str, value: &str) {
    unsafe { host::proxy_add_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

/// One field in the place of all of that name.
pub fn set_header(map: Map, name: &str, value: &str) {
    unsafe { host::proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

pub fn remove_header(map: Map, name: &str) {
    unsafe { host::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) };
}

/// Up to `size` bytes of a buffer from its beginning.
pub fn buffer(which: Buffer, size: usize) -> Vec<u8> {
    given(|bytes, length| unsafe { host::proxy_get_buffer_bytes(which as u32, 0, size, bytes, length) }).unwrap_or_default()
}

/// Puts bytes in the place of `replaced` bytes from the beginning.
pub fn set_buffer(which: Buffer, replaced: usize, bytes: &[u8]) {
    unsafe { host::proxy_set_buffer_bytes(which as u32, 0, replaced, bytes.as_ptr(), bytes.len()) };
}

/// The configuration, in proxy_on_configure.
pub fn configuration(size: u32) -> String {
    String::from_utf8_lossy(&buffer(Buffer::PluginConfiguration, size as usize)).into_owned()
}

/// An attribute by its parts: `property(&["request", "path"])`.
pub fn property(path: &[&str]) -> Option<Vec<u8>> {
    let joined = path.join("\0");
    given(|value, size| unsafe { host::proxy_get_property(joined.as_ptr(), joined.len(), value, size) })
}

/// A map as the host takes it, see `respond`.
pub fn encode_map(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = (fields.len() as u32).to_le_bytes().to_vec();
    for (name, value) in fields {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
    }
    for (name, value) in fields {
        bytes.extend(name.bytes().chain(Some(0)).chain(value.bytes()).chain(Some(0)));
    }
    bytes
}

/// An answer of the filter's own; the callback returns PAUSE after it.
pub fn respond(status: u32, details: &str, headers: &[(&str, &str)], body: &str) {
    let map = encode_map(headers);
    unsafe {
        host::proxy_send_local_response(status, details.as_ptr(), details.len(), body.as_ptr(), body.len(), map.as_ptr(), map.len(), -1)
    };
}

/// What was paused goes on.
pub fn resume(stream: Stream) {
    unsafe { host::proxy_continue_stream(stream as u32) };
}

/// A metric, made in proxy_on_configure or before.
#[derive(Clone, Copy)]
pub struct Metric(u32);

impl Metric {
    pub fn new(kind: MetricType, name: &str) -> Metric {
        let mut id = 0;
        unsafe { host::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) };
        Metric(id)
    }

    pub fn increment(self, by: i64) {
        unsafe { host::proxy_increment_metric(self.0, by) };
    }

    pub fn record(self, value: u64) {
        unsafe { host::proxy_record_metric(self.0, value) };
    }
}
