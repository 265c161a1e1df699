#!/usr/bin/env node
import '@flamejs/cli';
