// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stdint.h>

/// How often memory was allocated since the program started: by malloc, calloc, realloc and their like.
uint64_t allocation_count(void);
