/** `node --import flamejs/register`: closures are compiled as they are loaded. */
import '@flamejs/compiler/register';
