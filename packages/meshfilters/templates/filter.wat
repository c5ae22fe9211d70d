;; FILTER: puts x-FILTER into every request. Its value is the filter's configuration, or 1.
(module
  (import "env" "proxy_replace_header_map_value" (func $set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $get_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 16)
  ;; At 0: where the value is, and its length.
  (data (i32.const 0) "\20\00\00\00\01\00\00\00")
  (data (i32.const 32) "1")
  (data (i32.const 64) "x-FILTER")
  (global $free (mut i32) (i32.const 256))
  (func (export "proxy_abi_version_0_2_1"))
  ;; Nothing is ever given back: only the configuration is asked for.
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    global.get $free
    global.get $free local.get $size i32.add i32.const 7 i32.add i32.const -8 i32.and global.set $free)
  (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    local.get $size
    if
      (drop (call $get_buffer (i32.const 7) (i32.const 0) (local.get $size) (i32.const 0) (i32.const 4)))
    end
    i32.const 1)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $set_header (i32.const 0) (i32.const 64) (i32.const LENGTH) (i32.load (i32.const 0)) (i32.load (i32.const 4))))
    i32.const 0))
