/**
 * Builds the console to `dist/console`: hashed files under a relative base, nothing inline, so that the
 * admin API can serve it under `default-src 'self'` from any path. Without imports: types of Vite would
 * bring those of Node into the browser's program.
 *
 * @module
 */
const here = (path: string): string => decodeURI(new URL(path, import.meta.url).pathname)

// biome-ignore lint/style/noDefaultExport: Vite wants it
export default {
  root: here('.'),
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: here('../../../dist/console'),
    emptyOutDir: true,
    target: 'es2022',
    // A `data:` image would need a looser policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
}
