import * as path from 'node:path';
import { App } from 'aws-cdk-lib';
import { buildApp } from '../lib/app';

process.exitCode = buildApp(new App(), process.env, console.error, path.join(__dirname, '..'));
