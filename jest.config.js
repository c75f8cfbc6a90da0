// The library's own template validation costs seconds on each synthesis; `cdk synth` and cfn-lint do it for the tests.
process.env.CDK_VALIDATION ??= 'false';

module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test/lib', '<rootDir>/test/contract'],
  testMatch: ['**/*.test.ts'],
  // Takes the types away and checks none: `tsc --noEmit` does that once for all.
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
};
