// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
public import HostStorage

/// The memory of a process, with passwords in it.
public enum ProcessMemory {
    /// S7: keeps this process's memory out of core dumps, its programs' too, out of the backtraces of crashes, and from
    /// other processes of the same user. For programs, not libraries: to be called before there is anything to hide.
    /// Calling it again changes nothing.
    public static func keepPrivate() throws(StorageError) {
        // The Swift runtime answers these with a backtrace, and shows the memory where the registers point.
        for crash in [SIGQUIT, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP] { signal(crash, SIG_DFL) }
        try forbidCores()
        // Tools that work on disks for it would need CAP_SYS_PTRACE to find them. Where they lack it, a process that
        // traces this one needs all of its capabilities: it is root's equal.
        let (own, programs) = (try Capabilities.own(), try Capabilities.ofPrograms())
        if !own.contains(.sysAdmin) || programs.contains(.sysPtrace) { try forbidTracing() }
    }

    /// 1 byte is the limit: no core is so small, and Linux takes it, unlike 0, as a limit for a program that cores are
    /// piped to as well.
    ///
    /// Source: core(5); fs/coredump.c.
    private static func forbidCores() throws(StorageError) {
        let core = __rlimit_resource_t(RLIMIT_CORE.rawValue)
        var limit = rlimit()
        try checkErrno(getrlimit(core, &limit), "getrlimit", "RLIMIT_CORE")
        limit.rlim_max = min(1, limit.rlim_max)
        limit.rlim_cur = limit.rlim_max
        try checkErrno(setrlimit(core, &limit), "setrlimit", "RLIMIT_CORE")
    }

    /// Takes /proc/PID/fd away from others as well, by which tools such as mkfs are given their device.
    ///
    /// Source: prctl(2), PR_SET_DUMPABLE; proc(5).
    private static func forbidTracing() throws(StorageError) {
        try check(cls_forbid_dumps(), "prctl", "PR_SET_DUMPABLE")
    }
}
