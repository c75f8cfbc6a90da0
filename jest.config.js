// The library's own template validation costs seconds on each synthesis; `cdk synth` and cfn-lint do it for the tests.
process.env.CDK_VALIDATION ??= 'false';

module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test/lib'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': ['ts-jest', { isolatedModules: true, tsconfig: { module: 'CommonJS', moduleResolution: 'Bundler' } }],
  },
};
