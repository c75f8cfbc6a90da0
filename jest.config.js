// The library's own template validation costs seconds on each synthesis; `cdk synth` and cfn-lint do it for the tests.
process.env.CDK_VALIDATION ??= 'false';

// Loaded once for a worker: reading them for each test file is half of the work. They keep no state between tests.
const LIBRARIES = '(aws-cdk-lib|cdk-nag|constructs|commander|@aws-sdk|@cloud-copilot)/';

module.exports = {
  testEnvironment: '<rootDir>/test/lib/support/environment.cjs',
  roots: ['<rootDir>/test/lib', '<rootDir>/test/contract'],
  testMatch: ['**/*.test.ts'],
  transformIgnorePatterns: [`/node_modules/(?!${LIBRARIES})`],
  transform: {
    [`/node_modules/${LIBRARIES}`]: '<rootDir>/test/lib/support/load-once.cjs',
    // Takes the types away and checks none: `tsc --noEmit` does that once for all.
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
};
