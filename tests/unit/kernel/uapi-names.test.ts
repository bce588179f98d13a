import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headerNames } from '../../../orchestrator/kernel/uapi-names.ts'

test('finds defines and enumerators, and nothing else', () => {
  expect(headerNames(`
/* SPDX: #define IN_COMMENT 1, enum { ALSO_IN_COMMENT } */
#ifndef _UAPI_LAB_H
#define _UAPI_LAB_H
#include <linux/ioctl.h>
  #  define INDENTED	1
#define WITH_ARGS(x)	((x) + 1)
#define LONG_ONE \\
	_IO(LAB_TYPE, \\
	    FIRST)
// #define LINE_COMMENT
struct lab_info {
	__u32	argsz;
#define LAB_FLAG_IN_STRUCT (1 << 0)	/* a flag */
	enum lab_kind kind;
};
enum {
	LAB_CMD_BASE = 0x80,
	LAB_CMD_FIRST = LAB_CMD_BASE, /* comma, in comment */
	LAB_CMD_CALL = MAKE(1, 2),
#ifdef SOMETHING
	LAB_CMD_COND,
#endif
	LAB_CMD_LAST
};
enum lab_kind { LAB_KIND_A, LAB_KIND_B = 1 << 3, };
typedef enum lab_t { LAB_T } lab_t;
#define LAB_IO _IO(LAB_TYPE, LAB_CMD_FIRST)
#undef GONE
#endif
`)).toEqual([
    '_UAPI_LAB_H', 'INDENTED', 'WITH_ARGS', 'LONG_ONE', 'LAB_FLAG_IN_STRUCT', 'LAB_IO',
    'LAB_CMD_BASE', 'LAB_CMD_FIRST', 'LAB_CMD_CALL', 'LAB_CMD_COND', 'LAB_CMD_LAST', 'LAB_KIND_A', 'LAB_KIND_B', 'LAB_T',
  ])
})

test('every enumerator of a written header is found', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[A-Z][A-Z0-9_]{0,12}$/), { minLength: 1 })
  const value = fc.constantFrom('', ' = 1', ' = F(1, (2))', ' /* , */ = 3', ' = (1 << 2)')
  fc.assert(fc.property(names, fc.array(value, { minLength: 1 }), (wanted, values) => {
    const body = wanted.map((name, index) => `\t${name}${values[index % values.length] ?? ''}`).join(',\n')
    expect(headerNames(`enum lab {\n${body}\n};\n`)).toEqual(wanted)
  }))
})
