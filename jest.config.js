// The library's own template validation costs seconds on each synthesis; `cdk synth` and cfn-lint do it for the tests.
process.env.CDK_VALIDATION ??= 'false';

module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test/lib', '<rootDir>/test/contract'],
  testMatch: ['**/*.test.ts'],
  // One file at a time, without type checks: `tsc --noEmit` does those once for all.
  transform: {
    '^.+\\.ts$': [
      'ts-jest',
      { tsconfig: { target: 'ES2023', module: 'CommonJS', moduleResolution: 'Bundler', isolatedModules: true } },
    ],
  },
};
