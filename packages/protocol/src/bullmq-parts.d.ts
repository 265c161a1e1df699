/** Parts of BullMQ that it ships without types: the CommonJS form, which is the one that Node loads. */
declare module 'bullmq/dist/cjs/scripts/index.js' {
  const scripts: Readonly<Record<string, { readonly name: string; readonly content: string; readonly keys: number }>>;
  export default scripts;
}
declare module 'bullmq/dist/cjs/version.js' {
  export const version: string;
}
