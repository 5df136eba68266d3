// SPDX-License-Identifier: Apache-2.0

// Loaded before the C library of linux.uml (Debian 12's, Linux 6.1), which saves and restores 2,696 bytes of floating
// point registers: all that there was before AMX. On a processor with AMX they are 11,008 bytes, and Linux takes them
// whole or not at all (EFAULT), so that the machine would end before its first process begins. This adds the rest, as
// zeros: the registers of AMX at rest. Nothing in the machine can use them, for that takes a request (ARCH_REQ_XCOMP_PERM)
// which user-mode Linux does not know.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef long (*ptrace_function)(enum __ptrace_request, pid_t, void *, void *);

static char whole[1 << 16];
static size_t whole_size;

long ptrace(enum __ptrace_request request, ...) {
    va_list arguments;
    va_start(arguments, request);
    pid_t process = va_arg(arguments, pid_t);
    void *address = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);

    static ptrace_function next;
    if (!next) next = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");

    if (request != PTRACE_SETREGSET || (size_t)address != NT_X86_XSTATE) return next(request, process, address, data);

    if (whole_size == 0) {
        struct iovec present = {whole, sizeof whole};
        if (next(PTRACE_GETREGSET, process, address, &present) < 0) return -1;
        whole_size = present.iov_len;
        memset(whole, 0, sizeof whole);
    }
    struct iovec given = *(struct iovec *)data;
    if (given.iov_len < whole_size) {
        memcpy(whole, given.iov_base, given.iov_len);
        given = (struct iovec){whole, whole_size};
    }
    return next(request, process, address, &given);
}
