#include "align.h"

#include "base/memory.h"

/* The differing middle: [begin, begin + rows) of before, [begin, begin + columns) of after. */
struct middle {
    const struct alignment *alignment;
    uint32_t begin, rows, columns;
    uint16_t *table; /* (rows + 1) * (columns + 1): lengths of the longest common tails; NULL: too large */
};

static bool is_same(const struct middle *middle, uint32_t row, uint32_t column)
{
    const struct alignment *alignment = middle->alignment;
    return alignment->is_same(alignment->context, middle->begin + row, middle->begin + column);
}

static uint16_t *cell(const struct middle *middle, uint32_t row, uint32_t column)
{
    return &middle->table[(size_t)row * (middle->columns + 1) + column];
}

static void measure(const struct middle *middle)
{
    for (uint32_t row = middle->rows; row-- > 0;) {
        for (uint32_t column = middle->columns; column-- > 0;) {
            uint16_t below = *cell(middle, row + 1, column), right = *cell(middle, row, column + 1);
            if (is_same(middle, row, column))
                *cell(middle, row, column) = (uint16_t)(*cell(middle, row + 1, column + 1) + 1);
            else
                *cell(middle, row, column) = below >= right ? below : right;
        }
    }
}

static bool wants_removal(const struct middle *middle, uint32_t row, uint32_t column)
{
    if (row == middle->rows)
        return false;
    if (column == middle->columns || middle->table == NULL)
        return true;
    return *cell(middle, row + 1, column) >= *cell(middle, row, column + 1);
}

static void emit(const struct middle *middle, enum edit edit, uint32_t row, uint32_t column)
{
    const struct alignment *alignment = middle->alignment;
    alignment->emit(alignment->context, edit, middle->begin + row, middle->begin + column);
}

static void emit_middle(const struct middle *middle)
{
    uint32_t row = 0, column = 0;
    while (row < middle->rows || column < middle->columns) {
        if (middle->table != NULL && row < middle->rows && column < middle->columns &&
            is_same(middle, row, column))
            emit(middle, EDIT_SAME, row++, column++);
        else if (wants_removal(middle, row, column))
            emit(middle, EDIT_REMOVED, row++, column);
        else
            emit(middle, EDIT_ADDED, row, column++);
    }
}

enum err align_run(const struct alignment *alignment, struct err_info *why)
{
    uint32_t before = alignment->before_count, after = alignment->after_count, begin = 0;
    while (begin < before && begin < after && alignment->is_same(alignment->context, begin, begin))
        begin++;
    while (before > begin && after > begin && alignment->is_same(alignment->context, before - 1, after - 1)) {
        before--;
        after--;
    }
    struct middle middle = {
        .alignment = alignment, .begin = begin, .rows = before - begin, .columns = after - begin
    };
    size_t cells = ((size_t)middle.rows + 1) * ((size_t)middle.columns + 1);
    bool fits = cells <= ALIGN_CELLS_MAX && middle.rows <= UINT16_MAX && middle.columns <= UINT16_MAX;
    if (fits) {
        if ((middle.table = memory_alloc(cells * sizeof *middle.table)) == NULL)
            return err_memory(why);
        for (size_t i = 0; i < cells; i++)
            middle.table[i] = 0;
        measure(&middle);
    }
    for (uint32_t i = 0; i < begin; i++)
        alignment->emit(alignment->context, EDIT_SAME, i, i);
    emit_middle(&middle);
    for (uint32_t i = before, j = after; i < alignment->before_count; i++, j++)
        alignment->emit(alignment->context, EDIT_SAME, i, j);
    memory_free(middle.table);
    return ERR_OK;
}
