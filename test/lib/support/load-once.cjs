const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');

const ITSELF = readFileSync(__filename);

/** In place of a library's module: the same, read once for a worker and not anew for each test file. */
module.exports = {
  process: (_source, path) => ({ code: `module.exports = worker.load(${JSON.stringify(path)});` }),
  getCacheKey: (_source, path) => createHash('sha256').update(ITSELF).update(path).digest('hex'),
};
