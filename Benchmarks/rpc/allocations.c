// SPDX-License-Identifier: Apache-2.0

// Preloaded with CAllocationCount.c: counts a program's allocations in the file that ALLOCATION_COUNT names, where another
// program can read them.

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void allocation_count_at(_Atomic uint64_t *place);

__attribute__((constructor)) static void count_in_file(void) {
    const char *path = getenv("ALLOCATION_COUNT");
    int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0) return;
    if (ftruncate(file, sizeof(uint64_t)) == 0) {
        void *place = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (place != MAP_FAILED) allocation_count_at(place);
    }
    close(file);
}
