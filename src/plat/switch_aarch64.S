/* switch_aarch64.S - leave one stack for another.
 *
 * AAPCS64 (Procedure Call Standard for the Arm 64-bit Architecture, 2022Q3), sections 6.1.1 and
 * 6.1.2: a callee preserves x19 to x28, the frame pointer x29, sp, and of v8 to v15 the low halves,
 * d8 to d15; x30 is where it returns to.  All else is the caller's loss.  fpcr is deliberately left
 * to the thread, and x18 is the platform's.
 * Branch targets: `bti c` admits a call through a pointer; the way out is ret, which no branch
 * protection looks at (br would need a landing pad behind every call).  Return addresses are not
 * signed here: each caller signs and checks its own in its own frame, against its own sp, so frames
 * move with their stacks. */
#ifdef __aarch64__
	.text
	.globl plat_switch, plat_cross
	.hidden plat_switch, plat_cross
	.type plat_switch, @function
	.type plat_cross, @function
	.p2align 4
plat_cross:		/* the same, with an answer for the other side in w2 */
plat_switch:		/* x0: where to keep this stack's place; x1: the other's place */
	.cfi_startproc
	hint 34		/* bti c */
	stp x29, x30, [sp, -160]!
	.cfi_adjust_cfa_offset 160
	.cfi_rel_offset x29, 0
	.cfi_rel_offset x30, 8
	stp x19, x20, [sp, 16]
	.cfi_rel_offset x19, 16
	.cfi_rel_offset x20, 24
	stp x21, x22, [sp, 32]
	.cfi_rel_offset x21, 32
	.cfi_rel_offset x22, 40
	stp x23, x24, [sp, 48]
	.cfi_rel_offset x23, 48
	.cfi_rel_offset x24, 56
	stp x25, x26, [sp, 64]
	.cfi_rel_offset x25, 64
	.cfi_rel_offset x26, 72
	stp x27, x28, [sp, 80]
	.cfi_rel_offset x27, 80
	.cfi_rel_offset x28, 88
	stp d8, d9, [sp, 96]
	.cfi_rel_offset d8, 96
	.cfi_rel_offset d9, 104
	stp d10, d11, [sp, 112]
	.cfi_rel_offset d10, 112
	.cfi_rel_offset d11, 120
	stp d12, d13, [sp, 128]
	.cfi_rel_offset d12, 128
	.cfi_rel_offset d13, 136
	stp d14, d15, [sp, 144]
	.cfi_rel_offset d14, 144
	.cfi_rel_offset d15, 152
	mov x9, sp
	str x9, [x0]
	mov w0, w2
	mov sp, x1	/* the same layout there, so the rules above go on holding */
	ldp d14, d15, [sp, 144]
	.cfi_restore d14
	.cfi_restore d15
	ldp d12, d13, [sp, 128]
	.cfi_restore d12
	.cfi_restore d13
	ldp d10, d11, [sp, 112]
	.cfi_restore d10
	.cfi_restore d11
	ldp d8, d9, [sp, 96]
	.cfi_restore d8
	.cfi_restore d9
	ldp x27, x28, [sp, 80]
	.cfi_restore x27
	.cfi_restore x28
	ldp x25, x26, [sp, 64]
	.cfi_restore x25
	.cfi_restore x26
	ldp x23, x24, [sp, 48]
	.cfi_restore x23
	.cfi_restore x24
	ldp x21, x22, [sp, 32]
	.cfi_restore x21
	.cfi_restore x22
	ldp x19, x20, [sp, 16]
	.cfi_restore x19
	.cfi_restore x20
	ldp x29, x30, [sp], 160
	.cfi_restore x29
	.cfi_restore x30
	.cfi_adjust_cfa_offset -160
	ret
	.cfi_endproc
	.size plat_switch, . - plat_switch
	.size plat_cross, . - plat_cross

	/* The outermost frame of a stack: x19 holds the function, x20 its argument, as
	 * plat_stack_begin laid them.  Unwinders stop here: there is no caller, neither by the rule
	 * below nor by the frame record, whose link x29 is 0. */
	.globl plat_stack_entry
	.hidden plat_stack_entry
	.type plat_stack_entry, @function
	.p2align 4
plat_stack_entry:
	.cfi_startproc
	.cfi_undefined x30
	mov x0, x20
	mov x29, 0
	blr x19
	udf 0
	.cfi_endproc
	.size plat_stack_entry, . - plat_stack_entry

	/* Says to the linker that this file stands branch targets and signed returns. */
	.section .note.gnu.property, "a"
	.p2align 3
	.word 4, 16, 5		/* sizes of the name and of what follows it; NT_GNU_PROPERTY_TYPE_0 */
	.asciz "GNU"
	.word 0xc0000000, 4	/* GNU_PROPERTY_AARCH64_FEATURE_1_AND, its size */
	.word 3, 0		/* BTI and PAC */
#endif
	.section .note.GNU-stack, "", @progbits
