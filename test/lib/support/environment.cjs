const { TestEnvironment } = require('jest-environment-node');
const { localAws } = require('./local-aws.cjs');

const templates = new Map();

/** Node's own, and what the test files of a worker share (`worker.d.ts`). */
module.exports = class extends TestEnvironment {
  constructor(...settings) {
    super(...settings);
    // The libraries that are loaded once see the environment that a test sets.
    Object.assign(this.global, { process, worker: { load: require, localAws, templates } });
  }
};
