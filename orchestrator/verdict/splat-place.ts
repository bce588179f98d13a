// Functions that are on the way of every complaint, or that take locks and copy memory for others: the one to name called them.
const REPORTERS = 'dump_stack|show_(?:regs|stack|trace)|print_(?:report|address|circular|unlock|usage|deadlock|bad|shadow|irq)|__warn|warn_slowpath|report_bug|handle_bug|__report_bug|asm_|exc_|do_error_trap|__die|die|oops_|v?panic$|check_panic_on_warn|end_report|'
  + 'kasan_|__kasan_|__asan_|__hwasan_|kcsan_|__tsan_|kmsan_|__msan_|kfence_|__ubsan_|ubsan_|handle_overflow|'
  + '__bad_area|bad_area|page_fault_oops|kernelmode_fixup|do_user_addr_fault|do_kern_addr_fault|no_context|search_bad|search_exception|fixup_exception|irqentry_|error_entry|'
  + 'refcount_|__refcount_|__list_|__might_|__lock_|lock_|check_noncircular|check_prev|check_deadlock|validate_chain|mark_(?:lock|held|usage)|lockdep_|debug_check_no_locks|'
  + '__mutex_|mutex_|_raw_|__raw_|down_|up_|rwsem_|__schedule|schedule|preempt_schedule|io_schedule|wait_for_|__wait_for_|__wait_|do_wait|'
  + 'rcu_|__rcu_|sched_show|sysvec_|__sysvec|watchdog_|hrtimer|__hrtimer|tick_|update_process_times|nmi_|default_do_nmi|perf_event_nmi|perf_event_overflow|__perf_event_overflow|irq_work|local_apic|'
  + 'mem(?:cpy|set|move|cmp)|__mem|_?copy_(?:to|from)|__copy|clear_page|rep_|bad_page|free_page_is_bad|object_err|slab_err|slab_bug|check_(?:object|slab|bytes|irq_usage|wait_context|flags)|kmemleak|'
  + 'ret_from_fork|entry_SYSCALL|do_syscall|x64_sys_call|__get_user|__put_user|__x86_|native_|default_idle|arch_cpu_idle|secondary_startup|spin_bug|do_raw_spin|'
  + '__cond_resched|_?might_|__debug_|debug_smp|__this_cpu'
const BORING = new RegExp(`^(?:${REPORTERS})`)

const RIP = /^RIP: (?<segment>[0-9a-f]{4}):(?:\[<[0-9a-f]{1,16}>\] )?(?<func>[A-Za-z_][\w.$]*)\+0x/
const FRAME = /^\s{0,8}(?:\[<[0-9a-f]{1,16}>\] )?(?<unsure>\? )?(?<func>[A-Za-z_][\w.$]*)\+0x[0-9a-f]{1,8}\/0x[0-9a-f]{1,8}(?:\s|$)/

/**
 * The function to blame in the lines of a complaint: the named one, else the one at RIP, else the first of the stack trace that is not
 * part of the complaining itself. Stable across runs and compilers: no offset, no compiler's suffix.
 */
export const placeOf = (named: string | undefined, texts: readonly string[]): string | undefined => {
  const blamable = (func: string | undefined): func is string => func !== undefined && !BORING.test(func)
  if (blamable(named)) return bare(named)
  const rip = texts.map((text) => RIP.exec(text)?.groups).find((groups) => groups?.['segment'] === '0010')?.['func']
  if (blamable(rip)) return bare(rip)
  const frames = framesOf(texts)
  const found = frames.sure.find(blamable) ?? frames.unsure.find(blamable) ?? named ?? rip
  return found === undefined ? undefined : bare(found)
}

const framesOf = (texts: readonly string[]) => {
  // Lockdep prints the stacks of older lock users first; its own comes last, under this heading.
  const own = texts.findIndex((text) => text.startsWith('stack backtrace:'))
  const sure: string[] = []
  const unsure: string[] = []
  for (const text of texts.slice(own + 1)) {
    const { func, unsure: doubtful } = FRAME.exec(text)?.groups ?? {}
    if (func !== undefined) (doubtful === undefined ? sure : unsure).push(func)
  }
  return { sure, unsure }
}

const bare = (func: string): string => func.replace(/\.(?:constprop|isra|part|cold|llvm|lto_priv).*$/, '')
