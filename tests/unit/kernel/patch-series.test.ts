import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { parsePatchFile, seriesOf } from '../../../orchestrator/kernel/patch-series.ts'

const diff = (path: string) => `---\n ${path} | 2 +-\n\ndiff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-a\n+b\n-- \n2.47.0\n`
const mail = (subject: string, body: string, more = '') =>
  `From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nFrom: A Developer <a@example.org>\nDate: Sun, 22 Nov 2026 10:00:00 +0000\nSubject: ${subject}\n${more}\nWhy this is done.\n\n${body}\n`
const series = (text: string) => seriesOf('x.mbox', [parsePatchFile('x.mbox', text)])
const titles = (text: string) => series(text).map(({ title }) => title)

describe('an mbox', () => {
  const [one = '', two = '', three = ''] = [1, 2, 3].map((n) => mail(`[PATCH v2 ${n}/3] vfio: step ${n}`, diff(`drivers/vfio/${n}.c`)))
  const cover = mail('[PATCH v2 0/3] vfio: three steps', 'All of it.\n')
  const answer = mail('Re: [PATCH v2 1/3] vfio: step 1', '> +b\nPlease not.\n')

  it('is put into the order of its numbers; the cover letter and answers are no patches', () => {
    expect(titles(`${three}${cover}${answer}${one}${two}`)).toEqual(['vfio: step 1', 'vfio: step 2', 'vfio: step 3'])
  })

  it('in whatever order it comes', () => {
    fc.assert(fc.property(fc.shuffledSubarray([cover, one, two, three, answer], { minLength: 5 }), (mails) => {
      expect(titles(mails.join(''))).toEqual(['vfio: step 1', 'vfio: step 2', 'vfio: step 3'])
    }))
  })

  it('with a hole is refused with what is missing', () => {
    expect(() => series(`${cover}${one}${three}`)).toThrow(/2 of 3 patches; missing: 2/)
    expect(() => series(`${cover}${one}`)).toThrow(/1 of 3 patches; missing: 2, 3/)
  })

  it('with two versions, or a patch twice, is refused', () => {
    expect(() => series(`${one}${two}${three}${two}`)).toThrow(/more than one series/)
    expect(() => series(`${one}${two}${three}${mail('[PATCH 1/2] vfio: other', diff('a.c'))}`)).toThrow(/more than one series/)
  })

  it('without numbers is taken as it comes', () => {
    expect(titles(`${mail('[PATCH] one', diff('1.c'))}${mail('[PATCH] two', diff('2.c'))}`)).toEqual(['one', 'two'])
  })

  it('may be files of git format-patch, put one after another', () => {
    const joined = `${one.trimEnd()}\n${two.trimEnd()}\n${three.trimEnd()}`
    expect(titles(joined)).toEqual(['vfio: step 1', 'vfio: step 2', 'vfio: step 3'])
    expect(series(joined).every(({ text }) => text.endsWith('\n'))).toBe(true)
  })

  it('is not split at a line of a message that only looks like an envelope', () => {
    expect(titles(mail('[PATCH] one', `From here on it works.\n\nFrom now at 10:00 in 2026 it does\n${diff('1.c')}`))).toHaveLength(1)
  })
})

describe('one file', () => {
  it('is what was asked for, whatever number it has', () => {
    expect(titles(mail('[PATCH 2/7] vfio: alone', diff('1.c')))).toEqual(['vfio: alone'])
  })

  it('may be a bare diff, named by its file', () => {
    expect(titles(diff('a.c'))).toEqual(['x.mbox'])
    expect(titles('Index: linux/a.c\n===\n--- linux.orig/a.c\n+++ linux/a.c\n@@ -1 +1 @@\n-a\n+b\n')).toEqual(['x.mbox'])
  })

  it('may have an encoded and folded subject, and a quoted-printable body', () => {
    const [patch] = series(mail('=?UTF-8?q?[PATCH]_vfio:_f=C3=BCr?=\n =?UTF-8?q?_alle?=', diff('a.c').replaceAll('+b', '+b =3D c=\n;'), 'Content-Transfer-Encoding: quoted-printable\n'))
    expect(patch?.title).toBe('vfio: für alle')
    expect(patch?.text).toContain('\n+b = c;\n')
  })

  it.each([
    ['no patch', 'Hello\nworld\n', 'NO_PATCH'],
    ['an empty file', '', 'NO_PATCH'],
    ['a web page', '<!DOCTYPE html>\n<html>', 'PATCH_HTML'],
    ['a mail in HTML', mail('[PATCH] x', '<p>', 'Content-Type: text/html; charset=utf-8\n'), 'PATCH_HTML'],
    ['base64', mail('[PATCH] x', 'ZGlmZg==', 'Content-Transfer-Encoding: base64\n'), 'PATCH_BASE64'],
    ['the line ends of Windows', diff('a.c').replaceAll('\n', '\r\n'), 'PATCH_CRLF'],
    ['a path above the tree', diff('../a.c'), 'PATCH_OUTSIDE'],
    ['a path inside .git', diff('.git/hooks/post-checkout'), 'PATCH_OUTSIDE'],
    ['an absolute path', '--- x//etc/passwd\n+++ y//etc/passwd\n@@ -1 +1 @@\n-a\n+b\n', 'PATCH_OUTSIDE'],
    ['a rename to above the tree', 'diff --git a/x b/x\nrename from x\nrename to ../x\n', 'PATCH_OUTSIDE'],
  ])('%s is refused: %#', (_, text, code) => {
    expect(() => series(text)).toThrow(expect.objectContaining({ kind: 'yours', code }))
  })
})

describe('files of a folder', () => {
  const files = (...texts: readonly string[]) => texts.map((text, index) => parsePatchFile(`${index}.patch`, text))
  it('with numbers are one series', () => {
    const parts = files(mail('[PATCH 2/2] two', diff('2.c')), mail('[PATCH 1/2] one', diff('1.c')))
    expect(seriesOf('dir', parts).map(({ title }) => title)).toEqual(['one', 'two'])
    expect(() => seriesOf('dir', files(mail('[PATCH 1/3] one', diff('1.c')), mail('[PATCH 3/3] three', diff('3.c'))))).toThrow(/missing: 2/)
  })

  it('of which some have none keep the order of their names', () => {
    expect(seriesOf('dir', files(mail('[PATCH 2/2] two', diff('2.c')), diff('1.c'))).map(({ title }) => title)).toEqual(['two', '1.patch'])
  })
})
