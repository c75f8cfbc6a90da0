// Preloaded before the app: puts a bucket that breaks rules into the stack just before it is synthesized.
const { App } = require('aws-cdk-lib');
const { Bucket } = require('aws-cdk-lib/aws-s3');

const { synth } = App.prototype;
App.prototype.synth = function (...options) {
  const [stack] = this.node.children;
  if (!stack.node.tryFindChild('Seeded')) new Bucket(stack, 'Seeded');
  return synth.apply(this, options);
};
