;; request-id: gives a request without x-request-id one of 32 hexadecimal digits, by the host's random numbers; one that is there stays.
(module
  (import "env" "proxy_get_header_map_value" (func $get_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value" (func $set_header (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 2 16)
  ;; At 0: where the host put a value, and its length. At 16: random bytes. At 64: the digits.
  (data (i32.const 32) "0123456789abcdef")
  (data (i32.const 48) "x-request-id")
  (global $free (mut i32) (i32.const 1024))
  (func (export "proxy_abi_version_0_2_1"))
  ;; Memory for the one value that the host gives; it is forgotten at the next request.
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (if (i32.gt_u (i32.add (global.get $free) (local.get $size)) (i32.mul (memory.size) (i32.const 65536)))
      (then
        (if
          (i32.eq
            (memory.grow (i32.add (i32.div_u (local.get $size) (i32.const 65536)) (i32.const 1)))
            (i32.const -1))
          (then (return (i32.const 0))))))
    global.get $free
    (global.set $free (i32.add (global.get $free) (local.get $size))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (local $at i32)
    (local $byte i32)
    (global.set $free (i32.const 1024))
    ;; It is there, and not empty.
    (if
      (i32.and
        (i32.eqz (call $get_header (i32.const 0) (i32.const 48) (i32.const 12) (i32.const 0) (i32.const 4)))
        (i32.ne (i32.load (i32.const 4)) (i32.const 0)))
      (then (return (i32.const 0))))
    (drop (call $random (i32.const 16) (i32.const 16)))
    (loop $next
      (local.set $byte (i32.load8_u (i32.add (i32.const 16) (local.get $at))))
      (i32.store8
        (i32.add (i32.const 64) (i32.shl (local.get $at) (i32.const 1)))
        (i32.load8_u (i32.add (i32.const 32) (i32.shr_u (local.get $byte) (i32.const 4)))))
      (i32.store8
        (i32.add (i32.const 65) (i32.shl (local.get $at) (i32.const 1)))
        (i32.load8_u (i32.add (i32.const 32) (i32.and (local.get $byte) (i32.const 15)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 16))))
    (drop (call $set_header (i32.const 0) (i32.const 48) (i32.const 12) (i32.const 64) (i32.const 32)))
    i32.const 0))
