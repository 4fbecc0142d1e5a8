/**
 * Writing down a module of WebAssembly as its instructions (WebAssembly core specification 3.0, chapter 5): numbers, instructions that all such
 * modules here use, sections. Nothing is checked but by the engine that compiles it.
 *
 * @module
 */

export type Code = readonly number[]

/** Types of values. */
export const TYPE = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const
export const END: Code = [0x0b]
export const ADD_I32: Code = [0x6a]
export const SUBTRACT_I32: Code = [0x6b]

/** LEB128. */
export function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

export function signed(value: number): Code {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)]
}

export const get = (local: number): Code => [0x20, ...unsigned(local)]
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)]
export const tee = (local: number, value: Code): Code => [...value, 0x22, ...unsigned(local)]
export const i32 = (value: number): Code => [0x41, ...signed(value)]
export const i64 = (value: number): Code => [0x42, ...signed(value)]
export const call = (index: number, ...values: readonly Code[]): Code => [
  ...values.flat(),
  ...[0x10, ...unsigned(index)],
]

/** `body` again as long as `condition` gives another number than 0; once at least. */
export const repeat = (body: Code, condition: Code): Code => [
  ...[0x03, 0x40],
  ...body,
  ...condition,
  ...[0x0d, 0],
  ...END,
]

/** No results; parameters are numbers of 32 bits: addresses and counts. */
export interface WasmFunction {
  /** Exported by it; of ASCII. */
  readonly name?: string
  readonly parameters: number
  /** After the parameters, by type. */
  readonly locals?: readonly (readonly [count: number, type: number])[]
  readonly body: Code
}

/** Part of every engine, but of the types of browsers alone. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

/** Functions are called by their place in the list; `memory` is exported, of `pages` times 64 KiB. @typeParam Exports what it exports */
export function wasmInstance<Exports>(pages: number, functions: readonly WasmFunction[]): Exports {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(pages, functions)))
  return instance.exports as Exports
}

function moduleBytes(pages: number, functions: readonly WasmFunction[]): Uint8Array {
  const counted = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()]
  const sized = (code: Code): Code => [...unsigned(code.length), ...code]
  const section = (id: number, items: readonly Code[]): Code => [id, ...sized(counted(items))]
  const text = (name: string): Code => sized(Array.from(name, (letter) => letter.charCodeAt(0)))
  const type = ({ parameters }: WasmFunction): Code => [
    ...[0x60, ...counted(new Array<Code>(parameters).fill([TYPE.i32]))],
    0,
  ]
  const exported = functions.flatMap(({ name }, i) =>
    name === undefined ? [] : [[...text(name), 0, ...unsigned(i)]],
  )
  const codes = functions.map(({ locals = [], body }) => {
    const declared = counted(locals.map(([count, type]) => [...unsigned(count), type]))
    return sized([...declared, ...body, ...END])
  })
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, functions.map(type)),
    ...section(
      3,
      functions.map((_, i) => unsigned(i)),
    ),
    ...section(5, [[1, ...unsigned(pages), ...unsigned(pages)]]),
    ...section(7, [[...text('memory'), 2, 0], ...exported]),
    ...section(10, codes),
  )
}
