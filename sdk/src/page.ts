// Everything in one script, for pages without a bundler: the global `Tidegate`.
export * from './index.js'
export * from './experience.js'
export * from './hash.js'
