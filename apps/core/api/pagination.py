from rest_framework.pagination import CursorPagination


class CursorPage(CursorPagination):
    """
    Pages by key, 100 rows unless asked (``limit``, at most 500).

    No total: counting through a permission filter costs more than the page. The default order is by primary key.
    """

    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 500
    ordering: str | tuple[str, ...] = "pk"
