// What a process needs to have the application loaded, and nothing else.
await import('../app/tasks.mjs');
await import('@flamejs/runner');
process.exit(0);
