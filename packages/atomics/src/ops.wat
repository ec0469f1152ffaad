;; One exported function per verb of the seam, each a single machine instruction between two conversions: JavaScript's
;; Atomics are several times slower and return 64-bit values as heap objects. scripts/build-ops.mjs compiles this text
;; twice: as it stands, and with unshared memory for hosts without SharedArrayBuffer.
;;
;; A 64-bit word enters as two i32 halves. Every 64-bit verb, and both cmpxchg, store the value found at $latch, a word
;; that belongs to this thread alone, where TypeScript reads both halves with plain loads; that costs less than a second call.
(module
  (import "env" "memory" (memory 1 65536 shared))
  (import "env" "latch" (global $latch i32))

  (func $join (param $low i32) (param $high i32) (result i64)
    (i64.or (i64.extend_i32_u (local.get $low))
            (i64.shl (i64.extend_i32_u (local.get $high)) (i64.const 32))))
  (func $found (param $value i64) (result i32)
    (i64.store (global.get $latch) (local.get $value))
    (i32.wrap_i64 (local.get $value)))

  (func (export "load32") (param $a i32) (result i32)
    (i32.atomic.load (local.get $a)))
  (func (export "store32") (param $a i32) (param $v i32)
    (i32.atomic.store (local.get $a) (local.get $v)))
  (func (export "xchg32") (param $a i32) (param $v i32) (result i32)
    (i32.atomic.rmw.xchg (local.get $a) (local.get $v)))
  (func (export "cmpxchg32") (param $a i32) (param $expected i32) (param $v i32) (result i32)
    (local $old i32)
    (local.set $old (i32.atomic.rmw.cmpxchg (local.get $a) (local.get $expected) (local.get $v)))
    (i64.store (global.get $latch) (i64.extend_i32_u (local.get $old)))
    (i32.eq (local.get $old) (local.get $expected)))
  (func (export "or32") (param $a i32) (param $v i32) (result i32)
    (i32.atomic.rmw.or (local.get $a) (local.get $v)))
  (func (export "and32") (param $a i32) (param $v i32) (result i32)
    (i32.atomic.rmw.and (local.get $a) (local.get $v)))
  (func (export "add32") (param $a i32) (param $v i32) (result i32)
    (i32.atomic.rmw.add (local.get $a) (local.get $v)))

  (func (export "load64") (param $a i32) (result i32)
    (call $found (i64.atomic.load (local.get $a))))
  (func (export "store64") (param $a i32) (param $low i32) (param $high i32)
    (i64.atomic.store (local.get $a) (call $join (local.get $low) (local.get $high))))
  (func (export "xchg64") (param $a i32) (param $low i32) (param $high i32) (result i32)
    (call $found (i64.atomic.rmw.xchg (local.get $a) (call $join (local.get $low) (local.get $high)))))
  (func (export "cmpxchg64") (param $a i32) (param $expectedLow i32) (param $expectedHigh i32)
                             (param $low i32) (param $high i32) (result i32)
    (local $expected i64) (local $old i64)
    (local.set $expected (call $join (local.get $expectedLow) (local.get $expectedHigh)))
    (local.set $old (i64.atomic.rmw.cmpxchg (local.get $a) (local.get $expected)
                                            (call $join (local.get $low) (local.get $high))))
    (i64.store (global.get $latch) (local.get $old))
    (i64.eq (local.get $old) (local.get $expected)))
  (func (export "or64") (param $a i32) (param $low i32) (param $high i32) (result i32)
    (call $found (i64.atomic.rmw.or (local.get $a) (call $join (local.get $low) (local.get $high)))))
  (func (export "and64") (param $a i32) (param $low i32) (param $high i32) (result i32)
    (call $found (i64.atomic.rmw.and (local.get $a) (call $join (local.get $low) (local.get $high)))))
  (func (export "add64") (param $a i32) (param $low i32) (param $high i32) (result i32)
    (call $found (i64.atomic.rmw.add (local.get $a) (call $join (local.get $low) (local.get $high)))))

  (func (export "fence") (atomic.fence))
  ;; 0 woken, 1 the word was not $expected, 2 timed out; a negative time waits for ever
  (func (export "wait") (param $a i32) (param $expected i32) (param $ms f64) (result i32)
    (memory.atomic.wait32 (local.get $a) (local.get $expected)
      (i64.trunc_sat_f64_s (f64.mul (local.get $ms) (f64.const 1e6)))))
  (func (export "notify") (param $a i32) (param $count i32) (result i32)
    (memory.atomic.notify (local.get $a) (local.get $count))))
